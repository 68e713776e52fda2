"""Batches of pictures with a reference each: whole, split by CFG, and in the host's context windows."""

import pytest
import torch

FRAMES = 4


@pytest.fixture
def animated(apply, picture):
    """Frame i is steered by picture i; frame 3's mask is empty."""

    def on(model, masked=False):
        inputs = {}
        if masked:
            inputs["attn_mask"] = torch.ones(FRAMES, 16, 16)
            inputs["attn_mask"][3] = 0
        return apply(model, "sd15", image=picture(1, count=FRAMES), combine="one per frame", **inputs)

    return on


def test_every_frame_is_steered_by_its_own_picture(sd15, apply, animated, ksample, picture, differs):
    pictures = picture(1, count=FRAMES)
    together = ksample(sd15, animated(sd15.model), batch=FRAMES)
    for i in (0, 3):
        alone = ksample(sd15, apply(sd15.model, "sd15", image=pictures[i : i + 1]), batch=FRAMES)
        torch.testing.assert_close(together[i], alone[i], atol=1e-3, rtol=1e-3)
        assert differs(together[i], alone[(i + 1) % FRAMES]) > differs.effect


def test_frames_keep_their_pictures_when_the_sides_run_apart(sd15, animated, ksample, watch, differs, monkeypatch):
    steered, seen = watch(animated(sd15.model, masked=True))
    together = ksample(sd15, steered, batch=FRAMES)
    assert {one.roles for one in seen} == {((1, "negative"), (0, "positive"))}
    seen.clear()
    monkeypatch.setattr(type(steered), "get_free_memory", lambda self, device: 0)
    apart = ksample(sd15, steered, batch=FRAMES)
    assert {one.roles for one in seen} == {((1, "negative"),), ((0, "positive"),)}
    torch.testing.assert_close(apart, together, atol=1e-3, rtol=1e-3)
    plain = ksample(sd15, batch=FRAMES)
    assert differs(apart[0], plain[0]) > differs.effect
    torch.testing.assert_close(apart[3], plain[3], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("anchored", [True, False], ids=["with an anchor", "without an anchor"])
@pytest.mark.parametrize("schedule", ["standard_static", "batched", "looped_uniform"])
def test_pictures_and_masks_follow_the_context_window(sd15, animated, ksample, watch, differs, schedule, anchored):
    """Frames of a UNet do not see each other, so windows must give what the whole batch gives."""
    from comfy_extras.nodes_context_windows import ContextWindowsManualNode

    def windowed(model):
        node = ContextWindowsManualNode.execute
        return node(model, 2, 1, schedule, 1, False, "pyramid", 0, False, causal_window_fix=anchored).args[0]

    steered, seen = watch(windowed(animated(sd15.model, masked=True)))
    result = ksample(sd15, steered, batch=FRAMES)
    whole = ksample(sd15, animated(sd15.model, masked=True), batch=FRAMES)
    torch.testing.assert_close(result, whole, atol=1e-3, rtol=1e-3)
    frames = {one.call.rows.frames for one in seen}
    assert {0, FRAMES - 1} <= {frame for window in frames for frame in window}
    assert len(frames) > 1
    assert any(len(window) == 3 for window in frames) == anchored
    assert differs(result[2], ksample(sd15, batch=FRAMES)[2]) > differs.effect
