"""A run that is broken off, at any stage and in any way, leaves nothing; the next one is right to the bit."""

import gc

import comfy.model_management as management
import pytest
import torch
from comfy.patcher_extension import WrappersMP
from pack.attention.reference import encode as encoding
from pack.attention.sampling.attach import ATTACHMENTS, RUN
from pack.attention.sampling.layer import BranchInLayer
from pack.attention.sampling.run import Run

Interrupted = management.InterruptProcessingException


class Broken(Exception):
    """What another pack might raise."""


def runs_alive():
    gc.collect()
    return [found for found in gc.get_objects() if isinstance(found, Run) and found.branches]


@pytest.fixture(autouse=True)
def not_interrupted():
    yield
    management.interrupt_current_processing(False)


@pytest.fixture
def whole_and_after(sd15, apply, ksample, picture):
    """The picture of a whole way from photo to latents, and a check that it comes out again after a fault."""
    expected = ksample(sd15, apply(sd15.model, "sd15", "plus", seed=91))

    def check():
        management.interrupt_current_processing(False)
        assert not runs_alive()
        assert RUN not in sd15.model.model_options["transformer_options"]
        assert ATTACHMENTS not in sd15.model.model_options["transformer_options"]
        assert torch.equal(ksample(sd15, apply(sd15.model, "sd15", "plus", seed=91)), expected)

    return check


def test_interrupted_while_encoding(sd15, apply, picture, whole_and_after):
    management.interrupt_current_processing()
    with pytest.raises(Interrupted):
        apply(sd15.model, "sd15", "plus", seed=91, image=picture(77))
    whole_and_after()


def test_interrupted_while_projecting(sd15, apply, load, picture, whole_and_after, monkeypatch):
    adapter = load("sd15", "plus", 91).adapter
    calls, project = [], adapter._project

    def interrupting(block, tokens):
        calls.append(block)
        if len(calls) == 5:
            management.interrupt_current_processing()
        return project(block, tokens)

    with monkeypatch.context() as patched:
        patched.setattr(adapter, "_project", interrupting)
        with pytest.raises(Interrupted):
            apply(sd15.model, "sd15", "plus", seed=91, image=picture(78))
    assert len(calls) == 5
    whole_and_after()


def test_interrupted_while_sampling(sd15, apply, ksample, whole_and_after):
    def interrupting(executor, *args, **kwargs):
        management.interrupt_current_processing()
        management.throw_exception_if_processing_interrupted()
        return executor(*args, **kwargs)

    steered = apply(sd15.model, "sd15", "plus", seed=91)
    steered.add_wrapper(WrappersMP.DIFFUSION_MODEL, interrupting)
    with pytest.raises(Interrupted):
        ksample(sd15, steered)
    whole_and_after()


@pytest.mark.parametrize("layer", [("input", 1, 0), ("middle", 0, 0), ("output", 11, 0)], ids=str)
def test_an_exception_in_another_packs_patch(layer, sd15, apply, ksample, whole_and_after):
    def breaking(q, k, v, options):
        raise Broken

    other = sd15.model.clone()
    other.set_model_attn2_replace(breaking, *layer)
    with pytest.raises(Broken):
        ksample(sd15, apply(other, "sd15", "plus", seed=91))
    whole_and_after()


@pytest.mark.parametrize(("at", "error"), [(1, Broken), (9, torch.OutOfMemoryError), (30, KeyboardInterrupt)])
def test_an_exception_in_our_dispatcher(at, error, sd15, apply, ksample, whole_and_after, monkeypatch):
    calls, add_to = [], BranchInLayer.add_to

    def breaking(*args):
        calls.append(1)
        if len(calls) == at:
            raise error
        return add_to(*args)

    with monkeypatch.context() as patched:
        patched.setattr(BranchInLayer, "add_to", breaking)
        with pytest.raises(error):
            ksample(sd15, apply(sd15.model, "sd15", "plus", seed=91))
    assert len(calls) == at
    whole_and_after()


@pytest.mark.parametrize(("number", "stage"), enumerate(["encoder", "tokens", "keys"]))
def test_out_of_memory_before_sampling(number, stage, sd15, apply, load, picture, whole_and_after, monkeypatch):
    def full(*_args, **_kwargs):
        raise torch.OutOfMemoryError("there is no memory left (simulated)")

    adapter = load("sd15", "plus", 91).adapter
    target = {
        "encoder": (encoding, "_embeds"),
        "tokens": (adapter.module.projection, "forward"),
        "keys": (adapter, "_project"),
    }[stage]
    with monkeypatch.context() as patched:
        patched.setattr(*target, full)
        with pytest.raises(torch.OutOfMemoryError):
            apply(sd15.model, "sd15", "plus", seed=91, image=picture(79 + number))
    whole_and_after()
