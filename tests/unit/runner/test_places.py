"""Paths are right on every system."""

from pathlib import PurePosixPath, PureWindowsPath

from runner.places import program_in


def test_windows_keeps_programs_in_scripts():
    env = PureWindowsPath("C:/likeness/.likeness/env")
    assert str(program_in(env, "python", "nt")) == r"C:\likeness\.likeness\env\Scripts\python.exe"


def test_macos_and_linux_keep_programs_in_bin():
    assert str(program_in(PurePosixPath("/x/env"), "pytest", "posix")) == "/x/env/bin/pytest"


def test_all_that_is_made_lies_in_the_work_folder(places):
    made = [places.bootstrap, places.env, places.comfyui, places.downloads, places.test_data, places.stamps]
    made += [places.base, places.server_log]
    assert all(path.parent == places.work == places.root / ".likeness" for path in made)
    assert len(set(made)) == len(made)
