"""The pack is linked into custom_nodes on every system."""

import os
from pathlib import Path

import pytest

from runner import links
from runner.problems import Problem


@pytest.fixture
def pack(tmp_path):
    folder = tmp_path / "pack"
    folder.mkdir()
    return folder


def refuse(target, link):
    raise OSError("a required privilege is not held")


def test_a_symlink_is_made_once(pack, tmp_path):
    link = tmp_path / "base" / "custom_nodes" / "comfyui-likeness"
    links.link_folder(pack, link)
    assert link.is_symlink() and os.path.samefile(link, pack)
    links.link_folder(pack, link, makers=(refuse,))  # already right: nothing is made


def test_a_link_that_leads_elsewhere_or_nowhere_is_replaced(pack, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "gone")
    links.link_folder(pack, link)
    assert os.path.samefile(link, pack)


def test_windows_falls_back_to_a_junction(pack, tmp_path):
    made = []
    links.link_folder(pack, tmp_path / "link", makers=(refuse, lambda target, link: made.append((target, link))))
    assert made == [(pack, tmp_path / "link")]


def test_which_ways_there_are():
    assert links.makers_for("nt") == (links.symlink, links.junction)
    assert links.makers_for("posix") == (links.symlink,)


def test_a_junction_is_made_by_mklink(monkeypatch):
    class Done:
        returncode, stdout, stderr = 0, "", ""

    commands = []
    monkeypatch.setattr(links.subprocess, "run", lambda command, **_: commands.append(command) or Done)
    links.junction(Path("pack"), Path("custom_nodes") / "likeness")
    assert commands == [["cmd", "/c", "mklink", "/J", str(Path("custom_nodes") / "likeness"), "pack"]]
    Done.returncode, Done.stderr = 1, "Access is denied."
    with pytest.raises(OSError, match="Access is denied"):
        links.junction(Path("pack"), Path("link"))


def test_every_reason_is_told_when_nothing_works(pack, tmp_path):
    with pytest.raises(Problem, match="required privilege"):
        links.link_folder(pack, tmp_path / "link", makers=(refuse, refuse))


def test_a_real_folder_in_the_way_is_never_deleted(pack, tmp_path):
    link = tmp_path / "link"
    link.mkdir()
    (link / "work.py").touch()
    with pytest.raises(Problem, match="in the way"):
        links.link_folder(pack, link)
    assert (link / "work.py").exists()


def test_unlinking_leaves_the_target(pack, tmp_path):
    link = tmp_path / "link"
    links.link_folder(pack, link)
    links.unlink_folder(link)
    links.unlink_folder(link)
    assert pack.is_dir() and not os.path.lexists(link)
