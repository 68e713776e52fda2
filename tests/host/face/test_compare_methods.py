"""Compare Methods as the graph calls it: real faces, the miniature's CLIP, its file, and every part that is missing."""

import csv
import dataclasses

import pytest
import torch
from miniature import families, models
from pack.attention.reference import encode as encoding
from pack.attention.reference import encoders
from pack.face.similarity import copy_paste, cosine
from pack.nodes.forms.compare_methods import CompareMethods
from pack.nodes.forms.join_faces import JoinFaces

PROMPT = "a portrait of a man"


@pytest.fixture(scope="module")
def clips():
    """SDXL's narrow text encoders and a narrow ViT-bigG of the same width, which is named as published."""
    with pytest.MonkeyPatch.context() as patched:
        family = dataclasses.replace(families.FAMILIES["sdxl"], text={"clip_l": 48, "clip_g": 72})
        patched.setitem(families.FAMILIES, "sdxl", family)
        clip = models.clip("sdxl", 5)
        encoder = dataclasses.replace(encoders.ENCODERS[1], image_embeds=72, penultimate=96)
        patched.setattr(encoders, "ENCODERS", (encoder,))
        encoding._caches.clear()  # what is in there bears the encoder's other name
        yield clip, models.clip_vision("vit_bigg", 3)
        encoding._caches.clear()


@pytest.fixture
def output_folder(tmp_path):
    import folder_paths

    before = folder_paths.get_output_directory()
    folder_paths.set_output_directory(str(tmp_path))
    yield tmp_path
    folder_paths.set_output_directory(before)


@pytest.fixture
def given(found, photo, face_models):
    """A picture of the person, and two of another method: somebody else, and nobody."""
    same, other = photo("obama3.jpg"), photo("biden.jpg")
    return {
        "images": {
            "image0": same,
            "image2": torch.cat([other, torch.zeros_like(other)]),
        },
        "reference": found(photo("obama.jpg")).faces,
        "truth": found(photo("obama2.jpg")).faces,
        "face_models": face_models,
        "labels": "same\nleft open\n",
        "prompt": PROMPT,
    }


def test_every_row_says_how_alike_and_how_true_to_the_text(given, clips, ran, found, output_folder):
    clip, clip_vision = clips
    plain = torch.cat([given["images"]["image2"][:1]] * 2)
    both = {"image1": given["images"]["image2"], "image2": plain}
    seen = {"clip": clip, "clip_vision": clip_vision, "plain": plain, "images": both, "filename_prefix": "my/table"}
    result = CompareMethods.execute(**{**given, **seen})
    images, table = result.args
    assert [one is two for one, two in zip(images, both.values(), strict=True)] == [True, True]
    (path,) = output_folder.rglob("*.csv")
    assert path.relative_to(output_folder).as_posix() == "my/table_00001_.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf"), "or Excel takes it for another script"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["method"], row["picture"], row["faces"]) for row in rows] == [
        ("left open", "1", "1"),
        ("left open", "2", "0"),
        ("image2", "1", "1"),
        ("image2", "2", "1"),
    ]
    face, source, other = (batch[0].faces[0] for batch in (found(plain[:1]).faces, given["reference"], given["truth"]))
    assert float(rows[0]["similarity"]) == pytest.approx(cosine(face, source), abs=1e-5) and cosine(face, source) < 0.35
    assert float(rows[0]["copy_paste"]) == pytest.approx(copy_paste(face, source, other), abs=1e-4)
    assert rows[1]["similarity"] == ""
    text = clip.encode_from_tokens(clip.tokenize(PROMPT), return_pooled=True)[1]
    pictures = encoding.encode(clip_vision, both["image1"]).feature("image_embeds")
    expected = torch.nn.functional.cosine_similarity(pictures, text).tolist()
    assert [float(row["text_similarity"]) for row in rows[:2]] == pytest.approx(expected, abs=1e-5)
    assert abs(expected[0] - expected[1]) > 1e-3
    assert float(rows[2]["plain_similarity"]) > 0.9999 > 0.999 > float(rows[1]["plain_similarity"])
    assert {row["prompt"] for row in rows} == {PROMPT} and rows[0]["encoder"] == "CLIP ViT-bigG/14"
    shown = result.ui["likeness_comparison"][0]
    assert [(row["name"], row["missing"], row["pictures"]) for row in shown["methods"]] == [
        ("left open", 1, 2),
        ("image2", 0, 2),
    ]
    assert shown["columns"][-1] == "plain_similarity" and "| left open |" in table
    assert str(output_folder) not in str(result.ui), "no path of this machine goes into the history"


def test_of_a_long_prompt_the_beginning_is_measured_and_it_is_said(given, clips, output_folder):
    clip, clip_vision = clips
    only = {"images": {"image0": given["images"]["image0"]}, "clip": clip, "clip_vision": clip_vision}
    shown = CompareMethods.execute(**{**given, **only, "prompt": "a cat on a mat, " * 30}).ui
    beginning = {name: chunks[:1] for name, chunks in clip.tokenize("a cat on a mat, " * 30).items()}
    text = clip.encode_from_tokens(beginning, return_pooled=True)[1]
    picture = encoding.encode(clip_vision, only["images"]["image0"]).feature("image_embeds")
    found = shown["likeness_comparison"][0]["methods"][0]["means"]["text_similarity"]
    assert found == pytest.approx(torch.nn.functional.cosine_similarity(picture, text).item(), abs=1e-5)
    assert "longer than the 75 tokens" in shown["text"][0]


def test_without_faces_or_clip_the_rows_say_so(given, ran, output_folder):
    result = ran(CompareMethods, **given)
    _, _, same, other = result.table.splitlines()
    assert same.startswith("| same | **0.7") and other.endswith("| 1 of 2 |") and other.startswith("| image2 |")
    assert "measured with MobileFaceNet" in result.shown and "comparisons/likeness_00001_.csv" in result.shown
    alone = ran(CompareMethods, **{**given, "images": {"image0": torch.zeros(1, 64, 64, 3)}, "truth": None})
    assert alone.table.splitlines()[-1] == "| same | 1 of 1 |"
    twice = ran(CompareMethods, **{**given, "truth": given["reference"]})
    assert "copying cannot be measured" in twice.shown and "copy-paste" not in twice.table
    assert len(list(output_folder.rglob("*.csv"))) == 3 and not list(output_folder.rglob("*.part"))


def test_the_first_method_too_may_be_muted():
    from comfy_api.latest._io import get_finalized_class_inputs

    inputs, *_ = get_finalized_class_inputs(CompareMethods.INPUT_TYPES(), {"images.image1": ["2", 0]})
    assert "images.image0" not in inputs["required"] and "reference" in inputs["required"]
    joined, *_ = get_finalized_class_inputs(JoinFaces.INPUT_TYPES(), {"faces.faces1": ["2", 0]})
    assert not joined["required"], "nor of the photos that are joined"


@pytest.mark.parametrize(
    ("node", "name", "most"), [(CompareMethods, "images.image16", 16), (JoinFaces, "faces.faces50", 50)]
)
def test_one_input_too_many_is_named(node, name, most):
    """The host hands on what a prompt links to any name."""
    given = {input.id: {} for input in node.define_schema().inputs if not input.optional}
    with pytest.raises(ValueError, match=f"There is no input '{name}': {most} is the most that this node takes"):
        node.execute(**given, **{name: torch.zeros(1, 8, 8, 3)})


def test_a_wrong_pair_or_a_missing_part_is_one_sentence(given, clips, photo, found, output_folder):
    clip, clip_vision = clips
    picture = photo("obama3.jpg")

    def refused(words, **changes):
        with pytest.raises(ValueError, match=words):
            CompareMethods.execute(**{**given, **changes})

    refused("nothing is connected to 'images'", images={})
    refused("'clip' is connected and no image encoder is.*ViT-bigG", clip=clip)
    refused("'plain' is connected and no image encoder is", plain=picture)
    refused("'prompt' is empty", clip=clip, clip_vision=clip_vision, prompt=" ")
    refused("'image2' has 2 pictures and 'plain' has 1", plain=picture, clip_vision=clip_vision)
    refused("reads text by l, but 'prompt' needs .*SDXL's", clip=models.clip("sd15", 5), clip_vision=clip_vision)
    refused(
        "has no text encoder with projection|an encoder of width", clip=clip, clip_vision=models.clip_vision("vit_h", 3)
    )
    plain = tuple(
        dataclasses.replace(e, faces=tuple(dataclasses.replace(f, recogniser="ResNet100") for f in e.faces))
        for e in given["reference"]
    )
    refused(r"'reference' was embedded by ResNet100 \(antelopev2\) and 'face_models' is MobileFaceNet", reference=plain)
    refused("'truth' was embedded by nothing", truth=found(picture, embed=False).faces)
    refused("No face found in the photo of 'reference'", reference=found(torch.zeros(1, 64, 64, 3)).faces)
    refused("no name below ComfyUI's output folder", filename_prefix="../out")
    assert not list(output_folder.rglob("*.csv"))
