"""Several threads and runs at a time.

The host's split over several cards runs the sides of guidance in one thread for each card. Real devices are not
run here: two names of the CPU stand for two cards in the host's own scheduler, and two threads meet in the
dispatcher itself.
"""

import threading

import pytest
import torch

WAIT = 60  # seconds


def in_threads(*works):
    """Run each in a thread of its own, in inference mode as the host's are; their results, or the first error."""
    results, errors = [None] * len(works), []

    def run(i, work):
        try:
            with torch.inference_mode():
                results[i] = work()
        except BaseException as error:  # noqa: BLE001  handed on below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i, work)) for i, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    if errors:
        raise errors[0]
    return results


@pytest.fixture
def run_of(sd15, apply, picture):
    """The state of a run with a masked branch for every frame, and one for all."""
    from pack.attention.sampling.attach import attachments
    from pack.attention.sampling.rows import Conditionings
    from pack.attention.sampling.run import Run

    mask = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(2))
    model = apply(sd15.model, "sd15", image=picture(1, count=2), combine="one per frame", attn_mask=mask)
    model = apply(model, "sd15", "plus", weight=0.5)
    return lambda: Run(attachments(model), sd15.model.model.model_sampling, Conditionings({}, {}))


BLOCKS = ((("input", 1), 32, 16), (("input", 4), 64, 8), (("middle", 0), 128, 2), (("output", 9), 32, 16))
ROUNDS = 4


def test_threads_with_other_rows_meet_in_the_dispatcher(run_of):
    from pack.attention.sampling.dispatch import CALL, Call, dispatch
    from pack.attention.sampling.rows import Chunk, Rows

    positive, negative = Chunk("positive"), Chunk("negative")
    plans = [Rows((positive,), (0, 1)), Rows((negative, positive, negative), (0, 1))]

    def calls(run, rows, barrier=None):
        generator = torch.Generator().manual_seed(rows.count)
        found = []
        for block, channels, side in BLOCKS * ROUNDS:
            q = torch.randn(rows.count, side * side, channels, generator=generator)
            text = torch.randn(rows.count, 7, channels, generator=generator)
            call = Call(run, rows, run.acting(7.0), {})
            options = {
                "block": block, "block_index": 0, "n_heads": 8, "attn_precision": None,
                "activations_shape": [rows.count, channels, side, side], CALL: call,
            }  # fmt: skip
            if barrier:
                barrier.wait(WAIT)
            found.append(dispatch(q, text, text, options))
        return found

    alone = [calls(run_of(), rows) for rows in plans]
    shared, barrier = run_of(), threading.Barrier(2)
    together = in_threads(*(lambda rows=rows: calls(shared, rows, barrier) for rows in plans))
    for one, other in zip(alone, together, strict=True):
        assert len(one) == len(BLOCKS) * ROUNDS
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_hosts_split_over_devices_runs_each_side_in_its_thread(
    sd15, apply, ksample, over_two_devices, differs, monkeypatch
):
    from comfy.patcher_extension import WrappersMP
    from pack.attention.sampling import attach

    meeting, threads = threading.Barrier(2), set()
    calls = attach._calls

    def in_step(run, acting, given):
        threads.add((threading.current_thread().name, tuple(given.options["cond_or_uncond"])))
        meeting.wait(WAIT)  # neither side goes on before the other has come
        return calls(run, acting, given)

    steered = apply(sd15.model, "sd15", attn_mask=torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(2)))
    with monkeypatch.context() as patched:
        patched.setattr(type(steered), "get_free_memory", lambda self, device: 0)
        one_by_one = ksample(sd15, steered)
        split = steered.clone()
        split.add_wrapper(WrappersMP.SAMPLER_SAMPLE, over_two_devices("sd15"))
        patched.setattr(attach, "_calls", in_step)
        assert torch.equal(ksample(sd15, split), one_by_one)
    assert {indices for _, indices in threads} == {(0,), (1,)}
    assert len({name for name, _ in threads}) == 2
    assert differs(one_by_one, ksample(sd15)) > differs.effect


def test_a_run_inside_another_run(sd15, apply, ksample, picture, differs):
    """A second model with the same adapter is sampled from within each step of the first."""
    from comfy.patcher_extension import WrappersMP
    from miniature import models

    inner = apply(models.unet("sd15", 2), "sd15", image=picture(2), weight=0.6)
    outer = apply(sd15.model, "sd15")
    alone, inner_alone = ksample(sd15, outer), ksample(sd15, inner)
    inside = []

    def sample_within(executor, *args, **kwargs):
        inside.append(ksample(sd15, inner))
        return executor(*args, **kwargs)

    busy = outer.clone()
    busy.add_wrapper(WrappersMP.DIFFUSION_MODEL, sample_within)
    assert torch.equal(ksample(sd15, busy), alone)
    assert len(inside) == 2
    assert all(torch.equal(result, inner_alone) for result in inside)
