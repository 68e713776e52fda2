"""What old nodes of ComfyUI_InstantID become gives what they gave: faces for ControlNets, keypoints, crops."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from instantid_runs import control_net, drawn
from pack.attention.adapter.variants import variant_named
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from pack.nodes.legacy import faces_as_before as hidden
from pack.nodes.people.people import no_face


def test_a_controlnet_behind_the_first_apply_instantid_reads_the_face(
    sdxl, instantid, photos, apply_instantid, sample, ksample
):
    """The form of February 2024 with the host's own Apply ControlNet behind it is the later node."""
    import nodes

    given = sdxl.positive, sdxl.negative
    both = hidden.OldFaceText.execute(instantid(), photos(1), *given).args
    assert not any("cross_attn_controlnet" in entry[1] for side in given for entry in side)
    tokens = [side[0][1]["cross_attn_controlnet"] for side in both]
    assert torch.equal(tokens[1], instantid().adapter.tokens(no_face())) and not torch.equal(*tokens)
    model = ApplyIPAdapter.execute(sdxl.model, instantid(), faces=photos(1), weight=0.8).args[0]
    hint = drawn((0, 0))
    positive, negative = nodes.ControlNetApplyAdvanced().apply_controlnet(*both, control_net(), hint, 0.8, 0.0, 1.0)
    found = ksample(sdxl, model, steps=1, positive=positive, negative=negative)
    expected = sample(apply_instantid(photos(1), image=hint, strength=0.8), steps=1)
    text = nodes.ControlNetApplyAdvanced().apply_controlnet(*given, control_net(), hint, 0.8, 0.0, 1.0)
    read = ksample(sdxl, model, steps=1, positive=text[0], negative=text[1])
    assert (found - expected).abs().max() < 1e-4 < 1e-2 < (read - expected).abs().max()


def test_a_picture_without_a_face_is_a_keypoint_picture_already(caplog):
    mine, photo = drawn((0, 0)), torch.rand(1, 128, 128, 3, generator=torch.Generator().manual_seed(3))
    found = drawn((5, 5))
    (out,) = hidden.OldKeypoints.execute(torch.cat([mine, photo]), torch.cat([found * 0, found])).args
    assert torch.equal(out, torch.cat([mine, found]))
    assert "no face in picture 0 of 'image_kps'" in caplog.text


def test_a_drawn_file_goes_through_apply_instantid(apply_instantid, photos):
    """And a photo without a face is still refused, in words."""
    (kept,) = hidden.OldKeypoints.execute(drawn((0, 0)), torch.zeros(1, 128, 128, 3)).args
    assert apply_instantid(photos(1), image=kept).positive
    photo = torch.rand(1, 128, 128, 3, generator=torch.Generator().manual_seed(3))
    (kept,) = hidden.OldKeypoints.execute(photo, torch.zeros(1, 128, 128, 3)).args
    with pytest.raises(ValueError, match="looks like a photo"):
        apply_instantid(photos(1), image=kept)


@pytest.mark.parametrize(("family", "size"), [("sd15", 224), ("sdxl", 256)])
def test_the_face_image_has_the_old_size(instantid, photos, family, size):
    from pack.face.align import crop
    from pack.face.picture import to_image

    (shown,) = hidden.OldFaceImage.execute(instantid(family=family), photos(1, 2)).args
    assert torch.equal(shown, to_image([crop(entry.faces[0], size) for entry in photos(1, 2)]))


def test_the_face_image_of_kolors_is_larger(instantid, photos):
    loaded = instantid(family="sdxl")
    identity = loaded.adapter.identity
    kolors = SimpleNamespace(identity=replace(identity, variant=variant_named("kolors_faceid_plus")))
    (shown,) = hidden.OldFaceImage.execute(replace(loaded, adapter=kolors), photos(1)).args
    assert shown.shape == (1, 336, 336, 3)
