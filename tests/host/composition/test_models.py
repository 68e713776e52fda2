"""LoRAs, ControlNets, merging and saving on a model with branches."""

import pytest
import torch

import nodes


@pytest.fixture
def with_lora(lora_file):
    return lambda model: nodes.LoraLoaderModelOnly().load_lora_model_only(model, lora_file, 1.0)[0]


def test_a_lora_before_and_after_are_the_same(sd15, apply, ksample, with_lora, differs):
    before = ksample(sd15, apply(with_lora(sd15.model), "sd15"))
    after = ksample(sd15, with_lora(apply(sd15.model, "sd15")))
    assert torch.equal(before, after)
    assert differs(after, ksample(sd15, with_lora(sd15.model))) > differs.effect, "ours acts"
    assert differs(after, ksample(sd15, apply(sd15.model, "sd15"))) > 1e-3, "the LoRA acts"
    assert torch.equal(ksample(sd15), ksample(sd15, sd15.model.clone())), "nothing of it stays"


@pytest.fixture(scope="session")
def controlnet():
    from miniature import models

    return models.controlnet(3, "sd15")


@pytest.fixture
def controlled(sd15, controlnet, picture):
    def conds(start=0.0, end=1.0):
        hint = picture(8, height=128, width=128)
        positive, negative = nodes.ControlNetApplyAdvanced().apply_controlnet(
            sd15.positive, sd15.negative, controlnet, hint, 0.8, start, end
        )
        return {"positive": positive, "negative": negative}

    return conds


def test_a_controlnet_and_a_branch_act_together_and_apart(sd15, apply, ksample, controlled, watch, differs):
    steered, seen = watch(apply(sd15.model, "sd15"))
    plain, seen_plain = watch(sd15.model)
    result, without = (ksample(sd15, model, **controlled()) for model in (steered, plain))
    assert all(one.control and one.roles == ((1, "negative"), (0, "positive")) for one in seen)
    assert differs(result, without) > differs.effect, "ours acts"
    assert differs(result, ksample(sd15, apply(sd15.model, "sd15"))) > 1e-3, "the ControlNet acts"
    first, first_plain = seen[0].control, seen_plain[0].control
    for side in first_plain:
        for ours, theirs in zip(first[side], first_plain[side], strict=True):
            assert theirs is None or torch.equal(ours, theirs), "a branch never reaches into a ControlNet"


def test_ranges_of_a_controlnet_and_of_a_branch_are_their_own(sd15, apply, ksample, controlled, watch):
    steered, seen = watch(apply(sd15.model, "sd15", start_percent=0.5))
    ksample(sd15, steered, steps=4, **controlled(0.0, 0.7))
    assert [(one.control is not None, one.call is not None) for one in seen] == [
        (True, False), (True, False), (True, True), (False, True)
    ]  # fmt: skip


@pytest.fixture(scope="session")
def another():
    from miniature import models

    return models.unet("sd15", 2)


def test_merging_takes_the_weights_of_both_and_the_branches_of_the_first(sd15, another, apply, ksample, differs):
    def merged(one, other):
        """As the host's node, which lists all keys of the model for each of them."""
        made = one.clone()
        made.add_patches(other.get_key_patches("diffusion_model."), 0.4, 0.6)
        return made

    steered = merged(apply(sd15.model, "sd15"), another)
    plain = merged(sd15.model, another)
    assert steered.patches.keys() == plain.patches.keys()
    result, unsteered = (ksample(sd15, model, steps=1) for model in (steered, plain))
    assert torch.equal(result, ksample(sd15, apply(plain, "sd15"), steps=1))
    assert differs(result, unsteered) > differs.effect
    second_steered = ksample(sd15, merged(sd15.model, apply(another, "sd15")), steps=1)
    assert torch.equal(second_steered, unsteered), "a branch is no weight"


def test_saving_writes_the_same_file_with_and_without_branches(sd15, apply, ksample, with_lora, tmp_path, monkeypatch):
    import comfy.utils
    from comfy_extras.nodes_model_merging import CheckpointSave
    from miniature import models

    vae = models.vae(1)
    # A miniature CLIP is no file format; that of the UNet and the VAE is what branches could touch.
    monkeypatch.setattr(type(sd15.clip), "state_dict_for_saving", lambda self: {}, raising=False)
    saver = CheckpointSave()
    saver.output_dir = str(tmp_path)
    plain = with_lora(sd15.model)
    written = []
    for name, model in (("plain", plain), ("steered", apply(plain, "sd15", "plus"))):
        ksample(sd15, model, steps=1)  # as people save: after a run
        saver.save(model, sd15.clip, vae, name)
        written.append(comfy.utils.load_torch_file(str(tmp_path / f"{name}_00001_.safetensors")))
    first, second = written
    assert len(first) > 500
    assert first.keys() == second.keys()
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())
