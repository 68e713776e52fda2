"""A recogniser is what its bytes say; what nobody published is never taken for what was."""

import hashlib
import json
from pathlib import Path

import pytest
from pack.face import recognisers
from pack.face.embed import check_recogniser
from pack.face.errors import WrongRecogniser
from pack.face.recognisers import (
    AURAFACE,
    IR_SE50,
    MOBILEFACENET,
    PUBLISHED,
    RESNET50,
    RESNET100,
    foreign,
    in_words,
    is_unknown,
    recogniser_of,
)

PACK = Path(recognisers.__file__).resolve().parents[1]


def test_the_published_files_are_those_that_the_pack_downloads():
    listed = json.loads((PACK / "attention" / "files" / "published.json").read_text(encoding="utf-8"))
    files = {Path(file["name"]).name: file["sha256"] for file in listed["files"] if file["folder"] == "insightface"}
    assert PUBLISHED[files["glintr100.onnx"]] == RESNET100
    assert PUBLISHED[files["w600k_r50.onnx"]] == RESNET50


def test_a_file_is_known_by_its_bytes_and_two_unknown_ones_stay_apart(tmp_path, monkeypatch):
    published, other, third = (tmp_path / name for name in ("glintr100.onnx", "auraface.onnx", "arcface.onnx"))
    for number, file in enumerate((published, other, third)):
        file.write_bytes(bytes([number]) * 3_000_000)
    monkeypatch.setitem(PUBLISHED, hashlib.sha256(published.read_bytes()).hexdigest(), RESNET100)
    assert recogniser_of(published, "network") == RESNET100
    ids = {recogniser_of(file, "network") for file in (other, third)}
    assert len(ids) == 2 and all(is_unknown(one) for one in ids)


def test_an_unknown_resnet_is_refused_and_a_copy_saved_anew_told_what_to_do():
    found = "ResNet100 of unknown training (0123abcd)"
    with pytest.raises(
        WrongRecogniser, match=r"ResNet100 \(antelopev2\), these come from ResNet100 of unknown"
    ) as caught:
        check_recogniser(found, RESNET100, "InstantID")
    assert "copy of antelopev2 that was saved anew" in str(caught.value)
    assert "allowed by you" in check_recogniser(found, RESNET100, "InstantID", override=True)
    assert check_recogniser(RESNET100, RESNET100, "InstantID") == ""
    with pytest.raises(WrongRecogniser, match="Set 'recogniser' on Load Face Models to IR-SE50, or switch"):
        check_recogniser(RESNET100, IR_SE50, "InfiniteYou")


def test_what_no_published_adapter_reads_says_so():
    assert foreign(RESNET100) == foreign(RESNET50) == []
    for name in (AURAFACE, MOBILEFACENET, "ResNet100 of unknown training (0123abcd)"):
        (note,) = foreign(name)
        assert name in note and "another person" in note
    assert in_words(RESNET50) == "ResNet50 (buffalo_l)" and in_words(AURAFACE) == AURAFACE
