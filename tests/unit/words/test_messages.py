"""Why a node fails, as key and values: the page reads the sentence of the server by the templates in locales/."""

import ast
import json
import re

import pytest
import torch
from pack.attention.adapter import checkpoint
from pack.face.choose import choose
from pack.face.keypoint_picture import check_keypoint_picture
from pack.face.picture import pictures
from pack.face.value import PictureFaces
from schemas import ROOT

PLACE = re.compile(r"\{(\w+)\}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
WITHIN = "in_"
"""Keys of phrases that stand within values."""


def templates(language):
    return json.loads((ROOT / "locales" / language / "main.json").read_text(encoding="utf-8"))["likenessMessages"]


def understood(sentence):
    """Key and values of a sentence, read as web/editor/sentences.js does."""
    for key, template in templates("en").items():
        pattern = PLACE.sub(lambda found: f"(?P<{found[1]}>.*?)", re.sub(r"[.*+?^$()|[\]\\]", r"\\\g<0>", template))
        found = re.fullmatch(pattern, sentence, re.DOTALL)
        if found and not key.startswith(WITHIN):
            return key, found.groupdict()
    return None, {}


def test_every_message_is_in_both_languages_with_the_same_values():
    english, chinese = templates("en"), templates("zh")
    assert list(chinese) == list(english)
    for key, template in english.items():
        places = PLACE.findall(template)
        assert len(places) == len(set(places)), key
        assert set(PLACE.findall(chinese[key])) <= set(places), key
        assert CHINESE.search(chinese[key]), key


def strings_of_the_code():
    """Every string in the pack's code, those beside each other as one."""
    for folder in ("attention", "face", "nodes"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_every_template_has_the_words_of_the_code():
    """A sentence that is changed there and not here would stay English."""
    code = "\n".join(strings_of_the_code())
    ends = re.compile(r"\{\w+\}|[.,:;()\n]|\bit\b|\bhas\b")  # where the code puts sentences together
    parts = {part.strip() for template in templates("en").values() for part in ends.split(template)}
    assert not [part for part in parts if part not in code]


def test_a_picture_without_the_face_that_is_asked_for():
    alone = PictureFaces(pictures(torch.zeros(1, 8, 8, 3))[0], ())
    several = [PictureFaces(picture, ()) for picture in pictures(torch.zeros(3, 8, 8, 3))]
    for batch, key, picture in (
        ([alone], "no_face", "picture 1 of 1"),
        (several[1:], "no_face_in_batch", "picture 2 of 3"),
    ):
        with pytest.raises(ValueError) as error:
            choose(tuple(batch))
        assert understood(str(error.value)) == (key, {"picture": picture})
        assert type(error.value).__module__ == "likeness", "the page shows no path of the pack"


def test_a_keypoint_picture_that_is_none():
    for shade, key in ((0.0, "keypoints_black"), (0.5, "keypoints_photo")):
        with pytest.raises(ValueError) as error:
            check_keypoint_picture(pictures(torch.full((1, 16, 16, 3), shade))[0])
        found, values = understood(str(error.value))
        assert (found, values["picture"]) == (key, "picture 1 of 1")


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "file_empty"),
        (b"<!doctype html><p>", "file_web_page"),
        (b"version https://git-lfs.github.com/spec/v1\nsize 44642768\n", "file_lfs"),
        (b"\x40" + bytes(7) + b"{", "file_breaks_off"),
    ],
)
def test_a_file_that_is_no_adapter(content, key, tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError) as error:
        checkpoint.read(path)
    found, values = understood(str(error.value))
    assert (found, values["file"]) == (key, "mine.safetensors")
