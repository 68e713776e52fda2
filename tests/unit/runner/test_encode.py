"""Pictures of `run.py encode` come from folders, archives and tables, each once, in an order that stays."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from runner import cli
from runner.encode.options import check
from runner.encode.sources import Found, found_in, hash_of
from runner.problems import Problem


def archive(path, **files):
    with tarfile.open(path, "w") as written:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/").replace("_", "."))
            member.size = len(content)
            written.addfile(member, io.BytesIO(content))
    return path


def in_folder(place):
    return [Found(path.name, path.open, "", {}, 1) for path in sorted(place.glob("*.png"))]


def found(*places):
    return found_in([str(place) for place in places], in_folder)


def test_an_archive_is_read_as_webdataset_reads_it(tmp_path):
    """Files of one name are one example; the caption is a text or a field, and a picture is read where it lies."""
    told = json.dumps({"caption": "a hill", "subject": "hills"}).encode()
    place = archive(
        tmp_path / "0.tar",
        a__1_png=b"one",
        a__1_txt=b" a sea\n",
        a__2_json=told,
        a__2_jpg=b"two",
        a__3_txt=b"no picture",
    )
    one, two = found(place)
    assert [(each.name, each.caption, each.refers) for each in (one, two)] == [
        ("a/1", "a sea", {}), ("a/2", "a hill", {"subject": "hills"})
    ]  # fmt: skip
    assert [each.open().read() for each in (one, two)] == [b"one", b"two"]


def test_a_table_names_pictures_beside_it(tmp_path):
    (tmp_path / "1.png").write_bytes(b"one")
    (tmp_path / "t.csv").write_text("id,picture,caption,pair\nx,1.png,a sea,y\ny,2.png,,\n")
    one, two = found(tmp_path / "t.csv")
    assert (one.name, one.caption, one.refers, one.open().read()) == ("x", "a sea", {"pair": "y"}, b"one")
    assert (two.name, two.caption, two.refers) == ("y", "", {})
    with pytest.raises(FileNotFoundError):
        two.open()
    (tmp_path / "t.csv").write_text("id,file\nx,1.png\n")
    with pytest.raises(Problem, match="Without a 'picture', which is the path of the file: line 2"):
        found(tmp_path / "t.csv")


def test_several_places_are_one_list(tmp_path):
    """Archives by their numbers or their folder; names begin with the place, and a name that is there twice has two."""
    for number in (8, 9, 10):
        archive(tmp_path / f"{number:02}.tar", x_png=b"x", x_json=b'{"pair": "x"}')
    names = ["08.tar/x", "09.tar/x", "10.tar/x"]
    spelled = found(tmp_path / "{08..10}.tar")
    assert [each.name for each in spelled] == [each.name for each in found(tmp_path)] == names
    assert spelled[1].refers == {"pair": "09.tar/x"}
    twice = found(tmp_path / "08.tar", tmp_path / "08.tar")
    assert [(each.name, each.refers.get("file")) for each in twice] == [
        ("08.tar/x", None), ("08.tar/x#2", "08.tar/x")
    ]  # fmt: skip
    assert hash_of(spelled) == hash_of(found(tmp_path)) != hash_of(spelled[:2])


def test_a_place_without_pictures_is_named(tmp_path):
    (tmp_path / "cut.tar").write_bytes(archive(tmp_path / "whole.tar", x_png=b"x" * 5000).read_bytes()[:3000])
    (tmp_path / "a.zip").write_bytes(b"")
    empty = tmp_path / "empty"
    empty.mkdir()
    for place, message in (
        ("cut.tar", "cut.tar is no tar archive or is cut short"),
        ("a.zip", "a.zip is neither a folder nor a .tar, .csv, .jsonl, .parquet file"),
        ("gone", "gone is neither a folder nor"),
        ("empty", "There are no pictures in .*empty"),
    ):
        with pytest.raises(Problem, match=message):
            found(tmp_path / place)


def test_options_that_do_not_fit_are_refused(tmp_path):
    def options(*words):
        return cli.parse(["encode", "--pictures", "a", "b.tar", "--out", str(tmp_path), *words])

    assert options().pictures == ["a", "b.tar"] and options().out == Path(tmp_path)
    for words, message in (
        (("--base-model", "x"), "--base-model is given without --clip-vision"),
        (("--per-shard", "0"), "--per-shard is 0"),
        (("--variant", "instantid", "--clip-vision", "x"), "--clip-vision is given for instantid"),
    ):
        with pytest.raises(Problem, match=message):
            check(options(*words), None)
