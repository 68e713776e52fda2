"""The pages on installing give the commands that Check Installation prints, for every kind of ComfyUI, in both languages."""

import re
from pathlib import Path

import pytest
from pack.face import checked, needs

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = ("install.md", "install.zh-CN.md")
# How a heading begins -> the Python of that ComfyUI, whether it has pip, and how its paths are written.
KINDS = {
    "Portable|\u4fbf\u643a\u7248": ("python_embeded\\python.exe", True, "ComfyUI\\custom_nodes"),
    "Desktop": (".venv\\Scripts\\python.exe", False, "custom_nodes"),
    "Linux": ("venv/bin/python", True, "custom_nodes"),
    "macOS": ("venv/bin/python", True, "custom_nodes"),
    "Docker": ("python", True, "custom_nodes"),
}
HAS_ONE_BUILD = {"macOS"}


def sections(page):
    """The commands under each heading, without the quotes that a path with blanks needs."""
    _, *parts = re.split(r"^## ", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        part.partition("\n")[0]: [line.strip().removeprefix("RUN ") for line in re.findall(r"^    (.+)$", part, re.M)]
        for part in parts
    }


def printed(command):
    """What Check Installation says, as one line without quotes; it writes the two steps of a cure with words between."""
    return [step.strip().replace('"', "") for step in command.split("  and then  ")]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_commands_are_those_that_the_check_prints_there(kind, page, monkeypatch):
    program, has_pip, folder = KINDS[kind]
    (commands,) = (lines for head, lines in sections(page).items() if re.match(kind, head))
    monkeypatch.setattr(needs.sys, "executable", program)
    monkeypatch.setattr(needs, "find_spec", lambda name: object() if has_pip else None)
    slash = "\\" if "\\" in program else "/"
    wanted = printed(needs.pip("install", "-r", slash.join((folder, "comfyui-likeness", "requirements.txt"))))
    if kind not in HAS_ONE_BUILD:
        (clash,) = checked.clashes({"onnxruntime", "onnxruntime-gpu"}, ())
        wanted += printed(clash.cure)
    assert [line for line in commands if line in wanted] == wanted


def test_both_languages_give_the_same_commands():
    english, chinese = ([*sections(page).values()] for page in PAGES)
    address = re.compile(r"<.*?>")
    assert [[address.sub("", line) for line in part] for part in english] == [
        [address.sub("", line) for line in part] for part in chinese
    ]
