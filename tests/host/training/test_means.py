"""How a training computes: what changes its time and memory must not change what is learned."""

from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import comfy.model_management
import pytest
import torch
from running.device import is_card
from trainings import dataset, equal, run, settings, trainer, world

GIB = 1 << 30


def free(monkeypatch, size):
    """Say how much memory is free, as the host does."""

    def told(_device=None, torch_free_too=False):
        return (size, size) if torch_free_too else size

    monkeypatch.setattr(comfy.model_management, "get_free_memory", told)


@pytest.fixture(autouse=True)
def ample_memory(monkeypatch):
    """Whatever else runs on the machine."""
    free(monkeypatch, 100 * GIB)


def half(family="sd15"):
    """A base model of which the file is in half precision."""
    from miniature import models

    with torch.inference_mode():
        return models.unet(family, 1, torch.float16)


def made(model, variant="base", means=None, **changes):
    from pack.attention.training.train import trainer_for

    family = "sd15" if model.model.diffusion_model.num_classes is None else "sdxl"
    return trainer_for(model, dataset(family, variant), variant, settings(**changes), None, means)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("family", "variant"), [("sd15", "base"), ("sdxl", "instantid")])
def test_weights_that_are_cast_once_train_the_same_bits(family, variant, precision):
    from pack.attention.training.frozen import fingerprint
    from pack.attention.training.means import Means
    from pack.attention.training.settings import PRECISIONS

    trainers = [made(half(family), variant, Means(held=held), steps=2, precision=precision) for held in (False, True)]
    anew, once = (run(each) for each in trainers)
    assert anew.losses == once.losses and equal(anew.weights, once.weights)
    types = [{weight.dtype for weight in each.frozen.unet.parameters()} for each in trainers]
    assert types == [{torch.float16}, {PRECISIONS[precision]}]
    # Files name the weights that were given.
    assert [each.frozen.fingerprint for each in trainers] == [fingerprint(trainers[0].frozen.unet)] * 2


def test_a_cast_model_that_changes_is_refused():
    trained = made(half(), steps=1, precision="bf16")

    def spoil(*_):
        with torch.no_grad():
            next(trained.frozen.unet.parameters()).add_(1)

    with pytest.raises(RuntimeError, match="changed the base model, which is frozen"):
        run(trained, after_step=spoil)


def test_what_cannot_be_cast_or_has_no_room_is_cast_by_its_layers(monkeypatch):
    from pack.attention.training.held import can_hold

    model = half()
    assert can_hold(model, torch.float32, ample=False)
    layer = model.model.diffusion_model.time_embed[0]
    kind = type(layer)
    layer.__class__ = type("Linear", (kind,), {"__qualname__": "mixed_precision_ops.<locals>.Linear"})
    assert not can_hold(model, torch.float32, ample=False)
    layer.__class__ = kind
    free(monkeypatch, GIB)
    assert not can_hold(model, torch.float32, ample=False)
    assert can_hold(model, torch.bfloat16, ample=False), "which takes no more"
    free(monkeypatch, 1 << 20)
    assert not can_hold(model, torch.bfloat16, ample=True)


@pytest.mark.parametrize("held", [False, True])
def test_a_patched_model_is_trained_for_as_it_is(held):
    """A LoRA is part of the model: new keys begin as its own, files name its weights, and it counts as untouched."""
    from pack.attention.training.frozen import fingerprint
    from pack.attention.training.means import Means

    plain = world("sd15").model
    patched, layer = plain.clone(), plain.model.diffusion_model.input_blocks[1][1].transformer_blocks[0].attn2.to_k
    name = "diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
    with torch.inference_mode():
        patched.add_patches({name: ("diff", (torch.full_like(layer.weight, 0.5),))}, 1.0)
    trained = made(patched, means=Means(held=held), steps=2)
    began = trained.trainee.adapter.to_k["1"].weight.detach().clone()
    assert torch.allclose(began.cpu(), layer.weight.cpu() + 0.5)
    course = run(trained)
    assert course.losses != run(made(plain, steps=2)).losses
    assert trained.frozen.fingerprint != fingerprint(plain.model.diffusion_model)


def test_a_lean_model_is_as_near_to_float32_as_one_that_chooses_for_each_operation():
    """Where only the trained weights choose, their gradients are no further from exact ones."""
    from pack.attention.training.means import Means

    def gradients(precision, lean):
        trained = made(world("sdxl").model, "plus", Means(lean=lean), steps=1, batch_size=6, precision=precision)
        losses = trained._passes(0)
        return losses[0].item(), torch.cat([each.grad.flatten() for each in trained.trainee.parameters()])

    exact, (choosing, lean) = gradients("fp32", False), (gradients("bf16", lean) for lean in (False, True))
    errors = [((found - exact[1]).norm() / exact[1].norm()).item() for _, found in (choosing, lean)]
    assert 0 < errors[1] < 1.1 * errors[0]
    assert lean[0] == pytest.approx(choosing[0], abs=1e-3) and lean[0] != exact[0]


def test_what_is_drawn_ahead_is_what_would_have_been_drawn():
    trained = trainer("sdxl", "plus", steps=3, accumulation=2)
    drawing = trained._drawing
    anew = [drawing._drawn(step, part) for step, part in ((0, 1), (1, 0))]
    drawing.ahead(0, 1)
    ahead = [drawing.part(0, 1)]
    drawing.ahead(1, 0)
    ahead.append(drawing.part(1, 0))
    for one, other in zip(ahead, anew, strict=True):
        assert torch.equal(one.given.noisy, other.given.noisy) and torch.equal(one.given.sigmas, other.given.sigmas)
        assert equal(one.batch.conditions, other.batch.conditions)
        assert torch.equal(one.batch.features[0], other.batch.features[0])
    drawing.ahead(3, 0)
    assert drawing._ready is None, "the training ends there"


def memory(free, taken=lambda: 0):
    from pack.attention.training.room import Memory

    return Memory(taken, lambda: taken() + GIB, lambda: free)


@pytest.mark.parametrize(("free", "keeps"), [(12 * GIB, True), (6 * GIB, False)])
def test_activations_are_kept_where_there_is_room(free, keeps):
    """A block that would keep 4 GiB, on a device that needs 1 GiB for the rest of a step."""
    from pack.attention.training.room import Room

    taken = [0]
    room = Room(True, memory(free, lambda: taken[0]))
    room.begin((8, 8))
    assert room.forgets
    with pytest.raises(StopIteration), room.measured():
        taken[0] += 4 * GIB
        raise StopIteration  # as torch leaves it
    taken[0] = 0
    room.decide()
    room.begin((8, 8))
    assert room.forgets != keeps
    room.begin((8, 12))
    assert room.forgets, "another size was not measured"
    room.begin((8, 8))
    assert room.give_up() == keeps and room.forgets and not room.give_up()


def test_a_training_keeps_activations_after_the_first_batch_of_each_size(monkeypatch):
    """Blocks run twice in it, going forwards and going backwards, and once from then on; the numbers are the same."""
    from pack.attention.training.room import Room

    counts, calls = [], 0
    plain, trained = (trainer("sdxl", "instantid", steps=6, checkpointing=on) for on in (False, True))
    trained._room = Room(True, memory(100 * GIB))
    block = trained.frozen.unet.middle_block[0]
    inner = block._forward

    def counted(*args):
        nonlocal calls
        calls += 1
        return inner(*args)

    monkeypatch.setattr(block, "_forward", counted)
    sizes = []

    def begin(size):
        sizes.append(size)
        Room.begin(trained._room, size)

    monkeypatch.setattr(trained._room, "begin", begin)
    kept = run(trained, after_step=lambda *_: counts.append(calls))
    steps = [b - a for a, b in zip([0, *counts], counts, strict=False)]
    assert steps == [2 if size not in sizes[:number] else 1 for number, size in enumerate(sizes)]
    assert len(set(sizes)) == 2
    whole = run(plain)
    assert kept.losses == whole.losses and equal(kept.weights, whole.weights)


def test_memory_that_was_too_small_after_all_ends_no_training(monkeypatch):
    from pack.attention.training.room import Room

    plain, trained = (trainer("sd15", steps=3, checkpointing=on) for on in (False, True))
    trained._room = Room(True, memory(100 * GIB))
    whole, failed = type(trained)._loss, []

    def short(part):
        found = whole(trained, part)
        if not trained._room.forgets:
            failed.append(part)
            raise comfy.model_management.OOM_EXCEPTION("out of memory")
        return found

    monkeypatch.setattr(trained, "_loss", short)
    trained._room.keeps = {(8, 8): True, (8, 12): True}
    spared = run(trained)
    assert len(failed) == 1
    expected = run(plain)
    assert spared.losses == expected.losses and equal(spared.weights, expected.weights)

    def full(_part):
        raise comfy.model_management.OOM_EXCEPTION("out of memory")

    hopeless = trainer("sd15", steps=3, checkpointing=True)
    monkeypatch.setattr(hopeless, "_loss", full)
    with pytest.raises(comfy.model_management.OOM_EXCEPTION):
        run(hopeless)


class Played:
    """Stands for a CUDA graph: what was recorded is computed anew, from the tensors that it reads."""

    now = None

    def __init__(self):
        self.part = self.loss = None
        self.passes = 0

    @contextmanager
    def recording(self, *_, **__):
        Played.now = self
        try:
            yield
        finally:
            Played.now = None


def play(monkeypatch, trained, broken=None, wrong=1.0):
    """Let a training on the CPU record its passes; what is recorded."""
    from pack.attention.training import graphs

    made, whole = [], trained._pass

    def passes(part):
        if Played.now is None:
            return whole(part)
        if broken is not None:
            raise broken
        Played.now.part, Played.now.loss = part, torch.zeros(())
        return Played.now.loss

    class Graph(Played):
        def __init__(self):
            super().__init__()
            made.append(self)

        def replay(self):
            self.passes += 1
            self.loss.copy_(wrong * whole(self.part))

    monkeypatch.setattr(graphs.torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(graphs.torch.cuda, "graph_pool_handle", object)
    monkeypatch.setattr(graphs.torch.cuda, "graph", Played.recording)
    trained._graphs = graphs.Graphs(passes, trained._sparing, [*trained.trainee.parameters()], wanted=True)
    return made


@pytest.mark.parametrize(
    ("variant", "more"), [("plus", {"accumulation": 2, "weighting": "min_snr"}), ("instantid", {})]
)
def test_recorded_passes_train_the_same_bits(monkeypatch, variant, more):
    """Each kind is computed twice, compared once, and from then on played, from new inputs and into the same gradients."""
    plain, trained = (trainer("sdxl", variant, steps=8, **more) for _ in range(2))
    graphs = play(monkeypatch, trained)
    played, whole = run(trained), run(plain)
    assert played.losses == whole.losses and equal(played.weights, whole.weights)
    assert len(graphs) == trained.recorded == 2, "latents of two sizes"
    compared, passes = 2, sum(graph.passes for graph in graphs)
    assert compared < passes <= 8 * more.get("accumulation", 1) - 2 * 2


def test_recordings_are_forgotten_where_the_model_may_move(monkeypatch):
    plain, trained = (trainer("sd15", steps=8) for _ in range(2))
    play(monkeypatch, trained)
    before = []
    sampled = run(trained, sample=lambda *_: before.append(trained.recorded), sample_every=6)
    whole = run(plain)
    assert sampled.losses == whole.losses and equal(sampled.weights, whole.weights)
    assert trained.recorded > before[0] > 0, "the next pass was recorded anew"


def test_recordings_give_their_memory_back_before_activations_do(monkeypatch):
    plain, trained = (trainer("sd15", steps=8, checkpointing=on) for on in (False, True))
    play(monkeypatch, trained)
    whole, failed = trained._passes, []

    def short(step):
        if step == 6 and not failed:
            failed.append(trained.recorded)
            raise torch.AcceleratorError("CUDA error: out of memory")  # as the driver says it, past PyTorch
        return whole(step)

    monkeypatch.setattr(trained, "_passes", short)
    spared, expected = run(trained), run(plain)
    assert spared.losses == expected.losses and equal(spared.weights, expected.weights)
    assert [trained.recorded] == failed != [0], "no more after that"


def test_a_recording_that_gives_something_else_is_not_played(monkeypatch, caplog):
    plain, trained = (trainer("sd15", steps=6) for _ in range(2))
    graphs = play(monkeypatch, trained, wrong=1.5)
    launched, whole = run(trained), run(plain)
    assert launched.losses == whole.losses and equal(launched.weights, whole.weights)
    assert "a recorded one was wrong by 50.0 %" in caplog.text
    assert sum(graph.passes for graph in graphs) == 1


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (
            RuntimeError("operation not permitted when stream is capturing\nand more"),
            "as this device cannot record them: RuntimeError: operation not permitted when stream is capturing.",
        ),
        (
            torch.OutOfMemoryError("CUDA out of memory."),
            "as its memory is too small to record them: OutOfMemoryError: CUDA out of memory.",
        ),
    ],
    ids=["not allowed", "no memory"],
)
def test_what_cannot_be_recorded_is_launched_as_before(monkeypatch, caplog, broken, said):
    plain, trained = (trainer("sd15", steps=6) for _ in range(2))
    play(monkeypatch, trained, broken=broken)
    launched, whole = run(trained), run(plain)
    assert launched.losses == whole.losses and equal(launched.weights, whole.weights)
    assert caplog.text.count(said) == 1


@pytest.mark.own_attention("fused kernels are compared with another way")
@pytest.mark.parametrize("attention", ["flash", "cudnn"])
def test_attention_by_fused_kernels_is_the_hosts(attention):
    """In every layer of the model and of the net, which hands no options on; and the classes' own afterwards."""
    from pack.attention.training import attending
    from pack.attention.training.means import Means

    trained = [made(world("sdxl").model, "instantid", Means(attention=name), steps=2) for name in ("host", attention)]
    calls, real = [], attending.Attending.attend

    def counted(self, *args):
        calls.append(args[0].shape)
        return real(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attending.Attending, "attend", counted)
        host, own = (run(each) for each in trained)
    # Of the model's 70 self-attentions and 70 for text and picture each, and of the net's two in 34 blocks.
    assert len(calls) == 2 * (3 * 70 + 2 * 34)
    assert own.losses == pytest.approx(host.losses, rel=1e-4)
    assert is_card() or own.losses != host.losses, "on a card these tests have all attentions written out"
    layers = [each for each in trained[1].frozen.unet.modules() if "forward" in vars(each)]
    assert not layers


def test_a_state_of_another_device_is_updated_by_the_kernels_of_this_one(tmp_path):
    """What a fused optimizer saved says that it is fused."""
    state = tmp_path / "state"
    whole = run(trainer(steps=3))
    run(trainer(steps=2), state=state)
    kept = torch.load(state)
    kept["optimizer"]["param_groups"][0]["fused"] = True
    torch.save(kept, state)
    resumed = trainer(steps=3)
    assert run(resumed, state=state).losses == whole.losses
    assert not resumed.optimizer.param_groups[0]["fused"]


def test_means_of_a_device(monkeypatch):
    from pack.attention.training import means
    from pack.attention.training.means import means_for

    monkeypatch.setattr(means.torch.cuda, "is_available", lambda: True)
    cpu, card = (partial(means_for, torch.device(name)) for name in ("cpu", "cuda"))
    assert cpu().held and not (cpu().lean or cpu().fused or cpu().roomy or cpu().compiled)
    assert card().lean and card().fused and card().recorded and card().roomy and not card(roomy=False).roomy
    assert (cpu().attention, cpu().recorded) == ("host", False)
    assert SimpleNamespace(**vars(cpu(compiled=True))).compiled


@pytest.mark.not_played("torch.compile would compile what plays the card")
def test_compiled_blocks_train_the_same(monkeypatch):
    """By a backend that compiles nothing: what is handed over, in how many shapes, and that nothing of it stays."""
    from pack.attention.training import compiling
    from pack.attention.training.means import Means

    handed, real = [], torch.compile

    def backend(graph, _inputs):
        handed.append(graph)
        return graph.forward

    monkeypatch.setattr(compiling.torch, "compile", lambda function, **how: real(function, backend=backend, **how))
    plain, compiled = (made(world("sd15").model, means=Means(compiled=on), steps=2) for on in (False, True))
    assert run(compiled).losses == pytest.approx(run(plain).losses, rel=1e-5)
    assert handed and not [
        each for each in compiled.frozen.unet.modules() if {"forward", "_forward"} & vars(each).keys()
    ]
