"""'compatible' gives what the old packs made: no middle block, a black negative, Apply InstantID's noise."""

import graphs
import pytest
import torch
from pack.attention.adapter.adapter import Adapter
from pack.attention.branch.build import unconditional
from pack.attention.weights.layer_presets import LAYER_PRESETS, preset
from pack.nodes.legacy import setting
from pack.nodes.legacy.as_before import OldLora, OldWeight, old_negative, two_parts, without_middle
from pack.nodes.legacy.rewrite import rewritten
from pack.nodes.legacy.shape import BEFORE_2024_03, BLACK, NO_MIDDLE, SIDES
from pack.nodes.legacy.table import ROWS

MIDDLE = {"sd15": 6, "sdxl": 4}
CHANGED = sorted(name for name, row in ROWS.items() if row.has_choice)


@pytest.fixture(scope="module")
def classes():
    return graphs.installed()


@pytest.mark.parametrize("family", MIDDLE)
def test_without_the_middle_block(family):
    for name in LAYER_PRESETS:
        before = preset(name, family)
        after = without_middle(before)
        assert after.factors[MIDDLE[family]] == 0 and MIDDLE[family] not in after.swapped, name
        others = [i for i in range(len(before.factors)) if i != MIDDLE[family]]
        assert [after.factors[i] for i in others] == [before.factors[i] for i in others], name
        assert after.swapped | {MIDDLE[family]} == before.swapped | {MIDDLE[family]}, name


@pytest.mark.parametrize("family", MIDDLE)
def test_a_second_weight_beside_the_first(family):
    for name in LAYER_PRESETS:
        made, usual = two_parts(name, family, 0.5, 1.0), preset(name, family, 2.0)
        assert made.factors == pytest.approx([0.5 * factor for factor in usual.factors]), name
        alone = two_parts(name, family, 0.0, 1.0).factors
        assert any(alone) == LAYER_PRESETS[name].takes_boost, name


@pytest.mark.parametrize("optional", [True, False])
def test_every_node_that_changed_can_be_as_before(classes, optional):
    def fault(name):
        made = {choice: graphs.prompt_of(name, optional, compatible=choice) for choice in ("off", "on")}
        now, then = (rewritten(prompt, ROWS, classes) for prompt in made.values())
        wrong = graphs.faults(then.prompt, classes)
        if then.kept or wrong:
            return f"not as before: {then.kept} {wrong}"
        # What the negative is is decided elsewhere where a picture is connected for it.
        if now.prompt == then.prompt and not (optional and ROWS[name].faults == (BLACK,)):
            return "nothing changes"
        sides = [one["inputs"] for one in then.prompt.values() if one["class_type"] == "LikenessOldSides"]
        if [one["before"] for one in sides] != ([["CheckpointLoaderSimple", 0]] if SIDES in ROWS[name].faults else []):
            return f"sides {sides}"
        if rewritten(graphs.prompt_of(name, optional), ROWS, classes).prompt != now.prompt:
            return "not right by default"
        layers = [one for one in then.prompt.values() if one["class_type"] == "LikenessOldLayers"]
        middles = {one["inputs"]["middle"] for one in layers}
        return "" if middles == ({False} if NO_MIDDLE in ROWS[name].faults else set()) else f"middle {middles}"

    assert not {name: found for name in CHANGED if (found := fault(name))}


def test_which_nodes_have_a_choice():
    before = {row.node_id: row.faults for row in ROWS.values() if row.pack == BEFORE_2024_03 and row.faults}
    assert before == dict.fromkeys(
        ("IPAdapterApply", "IPAdapterApplyFaceID", "IPAdapterApplyEncoded", "IPAdapterTilesMasked"), (BLACK, SIDES)
    ), "they reached the middle block"
    assert ROWS["InstantIDAttentionPatch"].faults == (SIDES,), "it reached the middle block"
    assert len(CHANGED) == 30


def test_the_hidden_noise_is_seeded_by_the_face(classes):
    def noise(choice):
        prompt = rewritten(graphs.prompt_of("ApplyInstantID", compatible=choice), ROWS, classes).prompt
        return prompt, prompt["old"]["inputs"]

    prompt, main = noise("on")
    assert main["noise"] == 0.35
    source = prompt[main["noise_seed"][0]]
    assert source["class_type"] == "LikenessOldFaceNoise" and source["inputs"]["faces"] == main["faces"]
    assert noise("off")[1]["noise"] == 0.0 and "noise_seed" not in noise("off")[1]


@pytest.fixture
def user_settings(tmp_path, monkeypatch):
    """(text) -> what the settings file of ComfyUI's only user holds."""
    import folder_paths

    monkeypatch.setattr(folder_paths, "get_public_user_directory", lambda user: str(tmp_path / user))
    monkeypatch.delenv("LIKENESS_COMPATIBLE", raising=False)
    (tmp_path / "default").mkdir()
    return lambda text: (tmp_path / "default" / "comfy.settings.json").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"Likeness.OldNodes.Compatible": false}'])
def test_off_unless_the_user_says_otherwise(user_settings, content):
    if content is not None:
        user_settings(content)
    assert not setting.is_compatible() and not setting.registers_ids()
    assert setting.is_compatible("on") and not setting.is_compatible("by setting")


def test_settings_and_the_environment(user_settings, monkeypatch, caplog):
    user_settings('{"Likeness.OldNodes.Compatible": true, "Likeness.OldNodes.Register": true}')
    assert setting.is_compatible("by setting") and setting.registers_ids() and not setting.is_compatible("off")
    monkeypatch.setenv("LIKENESS_COMPATIBLE", "0")
    monkeypatch.setenv("LIKENESS_OLD_IDS", "maybe")
    assert not setting.is_compatible() and not setting.registers_ids()
    assert "LIKENESS_OLD_IDS is 'maybe'" in caplog.text


@pytest.mark.parametrize("variant", ["plus", "full_face", "base", "faceid_plus"])
def test_the_black_picture(variant, tmp_path):
    from miniature import adapters, models
    from pack.attention.adapter import checkpoint
    from pack.attention.reference.encode import encode

    path = tmp_path / "a.safetensors"
    adapters.write_safetensors(adapters.adapter_state_dict("sd15", variant, 11), path)
    adapter = Adapter(checkpoint.read(path), "faceid_plus_v2" if variant == "faceid_plus" else "auto")
    encoder = models.clip_vision("vit_h", 3)
    black, usual = old_negative(adapter, encoder), unconditional(adapter, encoder)
    if variant == "base":
        assert torch.equal(black.feature("image_embeds"), usual.feature("image_embeds"))
        return
    expected = encode(encoder, torch.zeros(1, 300, 200, 3)).feature("penultimate")
    assert torch.equal(black.feature("penultimate"), expected)
    assert not torch.allclose(black.feature("penultimate"), usual.feature("penultimate"))
    if variant == "faceid_plus":
        assert not black.feature("unit_face").any()


def test_the_loaders_lora_is_on_its_model_and_comes_with_no_apply(sd15, load):
    """In any wiring: on the loader's model with or without Apply behind it, and on no model from before the loader."""
    from dataclasses import replace

    from pack.attention.adapter.lora import with_lora

    loaded = replace(load("sd15", "faceid"), lora_strength=0.6)
    model, without = OldLora.execute(sd15.model, loaded).args
    expected = with_lora(sd15.model, loaded.adapter, 0.6).model
    assert set(model.patches) == set(expected.patches) and len(model.patches) > 16
    assert {patch[0] for patches in model.patches.values() for patch in patches} == {0.6}
    assert without.lora_strength == 0
    for start in (model, sd15.model):
        after = with_lora(start, without.adapter, without.lora_strength)
        assert after.model is start
    assert "already on the model at 0.6" in with_lora(model, without.adapter, 0.0).note


def test_a_linked_weight_multiplies_embeds():
    from pack.attention.reference.embeds import Embeds

    embeds = Embeds(image_embeds=torch.ones(2, 4), encoder="vit")
    for power, factor in ((1, 0.5), (2, 0.25)):
        (found,) = OldWeight.execute(embeds, 0.5, power).args
        assert torch.equal(found.feature("image_embeds"), torch.full((2, 4), factor)) and found.encoder == "vit"
