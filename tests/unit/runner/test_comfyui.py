"""An existing ComfyUI is found with its Python on every system, and nothing is guessed silently."""

from pathlib import Path

import pytest

from runner.comfyui import existing_host, find_python
from runner.problems import Problem


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "ComfyUI"
    folder.mkdir()
    (folder / "main.py").touch()
    (folder / "comfyui_version.py").write_text('__version__ = "0.31.2"\n')
    return folder


def touch(path):
    path.parent.mkdir(parents=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    ("system", "where"),
    [
        ("posix", "ComfyUI/venv/bin/python"),
        ("posix", "ComfyUI/.venv/bin/python"),
        ("posix", "venv/bin/python"),
        ("nt", "ComfyUI/venv/Scripts/python.exe"),
        ("nt", "ComfyUI/.venv/Scripts/python.exe"),
        ("nt", "python_embeded/python.exe"),
    ],
)
def test_its_python_is_found(tree, tmp_path, system, where):
    python = touch(tmp_path / where)
    assert find_python(tree, system) == python


def test_no_python_is_told_with_the_option(tree):
    with pytest.raises(Problem, match="--python"):
        find_python(tree)


def test_the_portable_folder_around_it_will_do(tree, tmp_path):
    python = touch(tmp_path / "python_embeded" / "python.exe")
    host = existing_host(tmp_path, python)
    assert (host.tree, host.python, host.is_private) == (tree, python, False)


def test_a_folder_without_comfyui_is_told(tmp_path):
    with pytest.raises(Problem, match="no main.py"):
        existing_host(tmp_path, None)


@pytest.mark.parametrize("version", ['__version__ = "0.29.9"', "nothing"])
def test_an_old_one_is_told(tree, version):
    (tree / "comfyui_version.py").write_text(version)
    with pytest.raises(Problem, match=r"0\.30 or newer"):
        existing_host(tree, None)


def test_a_python_that_is_not_there_is_told(tree):
    with pytest.raises(Problem, match="does not exist"):
        existing_host(tree, Path("nowhere/python"))
