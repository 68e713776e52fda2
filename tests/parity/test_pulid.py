"""PuLID's parts and its whole step against its authors': the tower, the picture, the tokens, the attention."""

import os
from functools import partial

import numpy as np
import pytest
import torch
from oracles.packages import reference
from oracles.pulid import Rule, features, helper_that_sees, none_of, pulid, recogniser_that_sees, with_authors
from oracles.seeds import fill, normal
from oracles.steps import diffusers_step, host_step, inputs
from oracles.unets import twin
from pack.attention.branch.build import unconditional
from pack.attention.reference.embeds import Embeds
from pack.attention.reference.face_parsing import net_of
from pack.attention.reference.face_tower import MEAN, STD, FaceTower, encode_faces
from pack.face.picture import to_image
from pack.face.portrait import only_the_face, portrait
from pack.face.value import Face, Picture, Rung
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from PIL import Image
from test_oracles import changes

EVAVisionTransformer = reference("consisid_eva_clip.eva_vit_model").EVAVisionTransformer
BiSeNet = reference("facexlib.parsing.bisenet").BiSeNet

LIMIT = 1e-4
NARROW = {"img_size": 56, "embed_dim": 128, "depth": 24, "num_heads": 2, "num_classes": 48}
PUBLISHED = {"img_size": 336, "embed_dim": 1024, "depth": 24, "num_heads": 16, "num_classes": 768}
SIZE = PUBLISHED if os.environ.get("LIKENESS_FULL_SIZE") else NARROW
"""LIKENESS_FULL_SIZE=1 compares the tower in its published size: minutes."""
RULES = {
    ("pulid_v1", "fidelity"): Rule("ortho_v2", 8),
    ("pulid_v1", "style"): Rule("ortho", 16),
    ("pulid_v1_1", "as authors"): Rule("ortho_v2", 20),
    ("pulid_v1_1", "add"): Rule("add", 0),
}


@pytest.fixture(scope="module")
def authors_tower():
    tower = EVAVisionTransformer(
        patch_size=14,
        mlp_ratio=2.6667,
        qkv_bias=True,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        use_mean_pooling=False,
        rope=True,
        intp_freq=True,
        naiveswiglu=True,
        subln=True,
        **SIZE,
    )
    return fill(tower, "eva")


@pytest.fixture(scope="module")
def tower(authors_tower):
    return FaceTower({key: value for key, value in authors_tower.state_dict().items() if "rope.freqs" not in key})


@pytest.fixture(scope="module")
def authors_parser():
    net = fill(BiSeNet(19), "bisenet")
    for name, buffer in net.named_buffers():
        if name.endswith("running_var"):
            buffer.copy_(1 + normal(*buffer.shape, key=("bisenet", name)).abs())
    return net


def largest(found, expected):
    return (found - expected).abs().max().item()


@torch.inference_mode()
def test_the_tower_agrees(authors_tower, tower, agrees):
    pixels = normal(1, 3, SIZE["img_size"], SIZE["img_size"], key=("pixels",))
    pooled, hidden = authors_tower(pixels, return_all_features=False, return_hidden=True, shuffle=False)
    found_pooled, found_hidden = tower.tower(pixels)
    expected = torch.stack(hidden, dim=1)
    difference = max(largest(found_pooled, pooled), largest(found_hidden, expected))
    agrees("image tower", "EVA02-CLIP-L", "consisid_eva_clip", difference, 1e-4)
    assert expected.abs().max() > 1 and largest(expected[:, 1], expected[:, 0]) > 0.1


def test_the_picture_agrees_with_the_authors(authors_tower, tower, authors_parser, test_data, agrees):
    """A real photo with two known faces: the crop, what is not the face made white, and what the tower says of it."""
    theirs = reference("diffusers.pipelines.consisid.consisid_utils")
    path = next(p for p in sorted((test_data / "photos").rglob("*.jp*g")) if max(Image.open(p).size) > 1024)
    pixels = np.asarray(Image.open(path).convert("RGB"))
    height, width = pixels.shape[:2]
    smaller = 1024 / max(width, height)
    points = np.array([(0.42, 0.40), (0.55, 0.41), (0.49, 0.50), (0.43, 0.58), (0.54, 0.57)], np.float32)
    keypoints = points * (width, height)
    embedding = normal(512, key=("face",)).numpy()

    helper = helper_that_sees(keypoints * smaller, authors_parser)
    recogniser = recogniser_that_sees(keypoints * smaller, embedding)
    authors_tower.image_size = (SIZE["img_size"], SIZE["img_size"])
    with torch.inference_mode():
        shown = theirs.resize_numpy_image_long(pixels, 1024)
        identity, hidden, _, _ = theirs.process_face_embeddings(
            helper, authors_tower, None, MEAN, STD, recogniser, torch.device("cpu"), torch.float32, shown
        )
        face = Face(
            picture=Picture(0, 1, (width, height), "", pixels),
            box=np.array((0, 0, width, height), np.float32),
            keypoints=keypoints,
            score=1.0,
            rung=Rung(),
        )
        cut = to_image([portrait(face)])
        seen = only_the_face(cut, net_of(authors_parser.state_dict()))
        found = encode_faces(tower, seen)
    white = (seen == 1).all(-1).float().mean().item()
    assert 0.02 < white < 0.98 and largest(seen[..., 0], seen[..., 2]) == 0
    difference = max(
        largest(found.feature("face_pooled"), identity[:, 512:]),
        largest(found.feature("face_hidden"), torch.stack(hidden, dim=1)),
    )
    agrees("picture of a face", "EVA02-CLIP-L", "diffusers, facexlib", difference, 1e-4)
    assert largest(torch.from_numpy(embedding), identity[0, :512]) == 0


@pytest.mark.parametrize("version", ["pulid_v1", "pulid_v1_1"])
def test_tokens_agree_in_both_halves_of_one_photo_and_of_three(version, loader, agrees):
    adapter = pulid(version)
    loaded = loader.load(adapter).adapter
    assert loaded.identity.variant.name == version
    for photos in (1, 3):
        seen = features(photos)
        none = unconditional(loaded, None, Embeds(**seen))
        for half, expected in ((Embeds(**seen), seen), (none, none_of(version, seen))):
            tokens = loaded.tokens(half, together=True)
            wanted = adapter.tokens(expected)
            agrees(f"projection {version}", "sdxl", "diffusers", largest(tokens, wanted), 3e-5)
            assert wanted.abs().max() > 0.1
        assert tokens.shape == wanted.shape


# What several photos become does not depend on the rule: one rule of each version is enough.
STEPS = [(*row, photos) for photos in (1, 2) for row in RULES if photos == 1 or row[1] not in ("style", "add")]


@pytest.mark.parametrize(("version", "method", "photos"), STEPS)
def test_a_step_agrees(version, method, photos, loader, agrees):
    both, adapter, seen = twin("sdxl"), pulid(version), features(photos)
    given = inputs(both)
    expected = with_authors(both, given, adapter, seen, RULES[version, method], 0.8)
    (steered,) = ApplyIPAdapter.execute(
        both.patcher, loader.load(adapter), weight=0.8, embeds=Embeds(**seen), fusion=method
    ).args
    found = host_step(steered, given)
    effect = changes(found, diffusers_step(both, given))
    agrees(f"whole step, {version}, {method}", "sdxl", "authors", found.difference(expected), LIMIT, effect)
