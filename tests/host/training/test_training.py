"""Short trainings on the miniatures: what moves, what must not, and what a stopped one goes on as."""

import json
from pathlib import Path
from types import SimpleNamespace

import comfy.model_management
import pytest
import torch
from trainings import dataset, equal, run, settings, trainer, world

SHAPES = Path(__file__).parents[2] / "shapes"


@pytest.mark.parametrize(("family", "variant"), [("sd15", "base"), ("sdxl", "plus"), ("sdxl", "instantid")])
def test_every_new_weight_moves_and_no_other(family, variant):
    from pack.attention.training.frozen import fingerprint

    given = fingerprint(world(family).model.model.diffusion_model)
    made = trainer(family, variant, steps=2)
    before = {name: tensor.clone() for name, tensor in made.trainee.state_dict().items()}
    trained = run(made)
    # Behind a convolution of zeros nothing moves in the first step; in the second everything does.
    still = [name for name, tensor in trained.weights.items() if torch.equal(tensor, before[name])]
    assert not [name for name in still if "input_hint_block" not in name]
    assert fingerprint(made.frozen.unet) == made.frozen.fingerprint == given
    assert fingerprint(world(family).model.model.diffusion_model) == given


def test_a_changed_base_model_is_refused():
    made = trainer(steps=1)

    def spoil(*_):
        with torch.no_grad():
            next(made.frozen.unet.parameters()).add_(1)

    with pytest.raises(RuntimeError, match="changed the base model, which is frozen"):
        run(made, after_step=spoil)


@pytest.mark.parametrize("variant", ["base", "plus", "instantid"])
def test_a_new_adapter_begins_beside_the_text(variant):
    """Keys and values begin as the base model's own for text; an IdentityNet begins by adding nothing."""
    from pack.attention.models.families import layers
    from pack.attention.models.unet import cross_attention_modules

    made = trainer("sdxl", variant)
    attentions = cross_attention_modules(made.frozen.unet)
    for layer in layers("sdxl"):
        for part, source in ((made.trainee.adapter.to_k, "to_k"), (made.trainee.adapter.to_v, "to_v")):
            assert torch.equal(part[str(layer.index)].weight, getattr(attentions[layer.key], source).weight)
    if variant == "instantid":
        net = made.trainee.identitynet
        outputs = [each for block in (*net.zero_convs, net.middle_block_out) for each in block.parameters()]
        assert outputs and not any(each.any() for each in outputs)
        assert torch.equal(net.time_embed[0].weight, made.frozen.unet.time_embed[0].weight)


def test_a_new_identitynet_hears_the_keypoints():
    """What a few dots on black leave before the last convolution, which is zero, is as strong as they are."""
    block = trainer("sdxl", "instantid").trainee.identitynet.input_hint_block
    drawing = torch.zeros(1, 3, 128, 128, device=next(block.parameters()).device)
    drawing[:, 0, 40:50, 40:50] = 1
    with torch.no_grad():
        left, nothing = (block[:-1](picture, None) for picture in (drawing, torch.zeros_like(drawing)))
        assert (left - nothing).std() > 0.1 * drawing.std()
        assert not block(drawing, None).any()


def test_the_same_seed_gives_the_same_adapter():
    first, again, other = (run(trainer(seed=seed)) for seed in (4, 4, 5))
    assert equal(first.weights, again.weights) and first.losses == again.losses
    assert not equal(first.weights, other.weights)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(average, tmp_path):
    state = tmp_path / "state"
    whole = run(trainer(steps=4, average=average))

    def cancel(done, *_):
        if done == 2:
            comfy.model_management.interrupt_current_processing()

    with pytest.raises(comfy.model_management.InterruptProcessingException):
        run(trainer(steps=4, average=average), state=state, after_step=cancel)
    resumed = run(trainer(steps=4, average=average), state=state)
    assert resumed.losses == whole.losses
    assert equal(resumed.weights, whole.weights)


def test_averaged_weights_are_the_ramped_mean_of_every_step(tmp_path):
    made, state = trainer(steps=4, average=0.9), tmp_path / "state"
    mean = {name: tensor.clone() for name, tensor in made.trainee.state_dict().items()}

    def take_in(done, *_):
        share = 1 - min(0.9, done / (done + 9))
        for name, tensor in made.trainee.state_dict().items():
            mean[name].lerp_(tensor, share)

    trained = run(made, state=state, after_step=take_in)
    assert equal(trained.weights, mean) and not equal(trained.weights, made.trainee.state_dict())
    assert equal(torch.load(state)["averaged"], mean), "as earlier trainers kept it"


def test_another_trainings_state_is_refused(tmp_path):
    state = tmp_path / "state"
    run(trainer(steps=1), state=state)
    assert not torch.load(state)["averaged"], "a second copy of all weights, where there are no averages"
    with pytest.raises(ValueError, match="learning_rate 0.001 there, 0.5 now"):
        run(trainer(steps=1, learning_rate=0.5), state=state)
    state.write_bytes(state.read_bytes()[:200])
    with pytest.raises(ValueError, match="is damaged and cannot be resumed"):
        run(trainer(steps=1), state=state)


def test_checkpointing_changes_nothing_but_the_memory():
    plain, spared = (run(trainer("sdxl", "instantid", steps=2, checkpointing=on)) for on in (False, True))
    assert equal(plain.weights, spared.weights)


def test_accumulation_is_the_mean_of_its_parts():
    from pack.attention.training.loop import Trainer

    made = trainer(steps=1, accumulation=3)
    seen = []
    whole = Trainer._loss
    made._loss = lambda part: seen.append(whole(made, part)) or seen[-1]
    trained = run(made)
    assert len(seen) == 3
    assert trained.losses[0] == pytest.approx(sum(each.item() for each in seen) / 3)


def test_half_precision_trains_in_float32_weights():
    trained = run(trainer(precision="bf16", checkpointing=True))
    assert {tensor.dtype for tensor in trained.weights.values()} == {torch.float32}
    exact = run(trainer())
    assert trained.losses == pytest.approx(exact.losses, rel=0.05) and trained.losses != exact.losses


def test_it_learns():
    """What it is shown again and again it predicts better; the levels of noise are drawn alike for both."""
    made = trainer("sd15", "base", steps=30, batch_size=6, learning_rate=5e-3, drop_text=0, drop_picture=0, drop_both=0)
    losses = run(made).losses
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


def test_drops_have_their_shares():
    from pack.attention.training.drawing import dropped

    found = dropped(20000, (0.05, 0.1, 0.2), torch.Generator().manual_seed(0))
    shares = [found.count(each) / len(found) for each in ((True, False), (False, True), (True, True))]
    assert shares == pytest.approx([0.05, 0.1, 0.2], abs=0.01)


def test_a_batch_has_pictures_of_one_size():
    from pack.attention.training.dataset import Batches

    given = dataset("sd15", "base")
    order, generator = Batches(given, 4), torch.Generator().manual_seed(0)
    batches = [order.numbers(generator) for _ in range(40)]
    sizes = [{given.examples[number].latent.shape for number in batch} for batch in batches]
    assert all(len(each) == 1 for each in sizes) and len(set.union(*sizes)) == 2
    assert all(len(batch) == 4 for batch in batches)  # of buckets of three: a short one is filled up


def test_a_batch_of_very_many_pictures_takes_few_numbers(monkeypatch):
    """Up to a size they are shuffled whole, as ever; above it a batch has different ones, each as likely as any other."""
    from pack.attention.training import dataset as module

    def batches(count, times):
        given = SimpleNamespace(buckets=lambda: {(8, 8): range(count)})
        order, generator = module.Batches(given, 4), torch.Generator().manual_seed(1)
        return [order.numbers(generator) for _ in range(times)]

    monkeypatch.setattr(module, "SHUFFLED", 20)
    generator = torch.Generator().manual_seed(1)
    torch.multinomial(torch.ones(1), 1, generator=generator)
    assert batches(20, 1)[0] == torch.randperm(20, generator=generator)[:4].tolist()
    with monkeypatch.context() as patch:
        patch.setattr(torch, "randperm", None)  # what takes as long as there are pictures
        many = batches(25, 2500)
    assert all(len(set(batch)) == 4 for batch in many)
    shares = torch.bincount(torch.tensor(many).flatten(), minlength=25) / 10_000
    assert shares.tolist() == pytest.approx([1 / 25] * 25, abs=0.01)


def test_texts_that_are_kept_take_no_more_than_their_budget():
    from pack.attention.training.conditions import Conditions

    made = trainer("sdxl")
    given, latents = dataset("sdxl", "base"), torch.zeros(1, 4, 8, 8)
    texts = [given.examples[0].text, given.examples[1].text, given.no_text]
    ample = Conditions(made.frozen.model, made.frozen.device)
    first = [ample.batch([text], latents) for text in texts]
    budget = ample._made.used * 2 // 3
    scant = Conditions(made.frozen.model, made.frozen.device, budget)
    assert all(equal(scant.batch([text], latents), kept) for text, kept in zip(texts * 2, first * 2, strict=True))
    assert len(ample._made) == 3 and len(scant._made) == 2 and scant._made.used <= budget


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"drop_text": 0.6, "drop_both": 0.6}, "shares dropped"),
        ({"average": 1.0}, "average is 1.0"),
        ({"precision": "fp8"}, "no precision 'fp8'"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        settings(**changes)


def test_the_published_count_at_full_size():
    """IP-Adapter for SD1.5 trains 22,319,616 numbers; it, plus and InstantID's adapter as their files have them."""
    from pack.attention.models.families import FAMILIES, LayerShape, layers
    from pack.attention.models.unet import ModelLayers
    from pack.attention.training.export import adapter_tensors, checkpoint_of
    from pack.attention.training.new_adapter import new_module, parameter_count

    wide = {"sd15": (320, 640, 1280, 1280), "sdxl": (320, 640, 1280)}

    def full(family):
        top = len(wide[family]) - 1
        level = {
            "input": lambda block: (block - 1) // 3,
            "output": lambda block: top - block // 3,
            "middle": lambda _: top,
        }
        context = {"sd15": 768, "sdxl": 2048}[family]
        shapes = {
            each.key: LayerShape(wide[family][level[each.key[0]](each.key[1])], context) for each in layers(family)
        }
        return ModelLayers("SDXL", "UNetModel", shapes, (FAMILIES[family],))

    for stem, family, variant, features in (
        ("ip-adapter_sd15", "sd15", "base", 1024),
        ("ip-adapter-plus_sd15", "sd15", "plus", 1280),
        ("ip-adapter-plus_sdxl_vit-h", "sdxl", "plus", 1280),
        ("instantid_ip-adapter", "sdxl", "instantid", 512),
    ):
        with torch.device("meta"):
            module = new_module(full(family), variant, features)
        named = adapter_tensors(checkpoint_of({f"adapter.{n}": t for n, t in module.state_dict().items()}, stem))
        published = json.loads((SHAPES / f"{stem}.json").read_text())["shapes"]
        assert {name: list(tensor.shape) for name, tensor in named.items()} == published
        if stem == "ip-adapter_sd15":
            assert parameter_count(module) == 22_319_616
