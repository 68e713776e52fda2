"""Archives are unpacked whole or not at all, and never outside their folder."""

import io
import tarfile
import zipfile

import pytest

from runner.archives import below, extract
from runner.problems import Problem


def tar_of(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            else:
                entry.type, entry.linkname = content
                tar.addfile(entry)
    return path


def test_only_the_chosen_folder_is_unpacked(tmp_path):
    archive = tar_of(tmp_path / "a.tar.gz", {"a/vendor/x/main.py": b"1", "a/vendor/x/b/c.py": b"2", "a/setup.py": b"3"})
    extract({archive: below("a/vendor/x")}, tmp_path / "out")
    assert (tmp_path / "out/main.py").read_bytes() == b"1"
    assert sorted(p.name for p in (tmp_path / "out").rglob("*")) == ["b", "c.py", "main.py"]


def test_two_archives_fill_one_folder(tmp_path):
    one = tar_of(tmp_path / "a.tar.gz", {"a/1.jpg": b"1"})
    two = tmp_path / "b.whl"
    with zipfile.ZipFile(two, "w") as zipped:
        zipped.writestr("b/2.jpg", b"2")
    extract({one: below("a"), two: below("b")}, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["1.jpg", "2.jpg"]


def test_what_was_there_is_replaced(tmp_path):
    archive = tar_of(tmp_path / "a.tar.gz", {"a/new.py": b"1"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old.py").touch()
    extract({archive: below("a")}, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["new.py"]


@pytest.mark.parametrize("name", ["a/../../evil.py", "a//etc/evil.py", "a/..\\evil.py", "a/C:evil.py"])
def test_a_path_that_leads_out_is_refused(tmp_path, name):
    archive = tar_of(tmp_path / "a.tar.gz", {name: b"1"})
    with pytest.raises(Problem, match="leads out"):
        extract({archive: below("a")}, tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("*evil*"))
    assert not (tmp_path / "deep" / "out").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    archive = tar_of(tmp_path / "a.tar.gz", {"a/good.py": b"1", "a/bad": (kind, "/etc/passwd")})
    with pytest.raises(Problem, match="a/bad"):
        extract({archive: below("a")}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_cut_archive_leaves_nothing_and_a_whole_one_repairs_it(tmp_path):
    whole = tar_of(tmp_path / "a.tar.gz", {f"a/{n}.bin": bytes(range(256)) * 50 + bytes([n]) for n in range(40)})
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(Problem, match="run the same command again"):
        extract({cut: below("a")}, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    extract({whole: below("a")}, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 40
    assert not (tmp_path / ".partial-out").exists()


def test_an_archive_without_the_files_is_an_error(tmp_path):
    archive = tar_of(tmp_path / "a.tar.gz", {"a/x": b"1"})
    with pytest.raises(Problem, match="none of the files"):
        extract({archive: below("b")}, tmp_path / "out")
