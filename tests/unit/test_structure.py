"""The shape of the project itself: where imports point, what files may hold, what starting it costs."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {"nodes": {"nodes", "attention", "face"}, "attention": {"attention"}, "face": {"face"}}
# From the ground up: a room imports what stands before it in this list, itself included, and nothing after it.
ROOMS = {
    "attention": (
        "inputs",
        "cache",
        "files",
        "models",
        "weights",
        "reference",
        "adapter",
        "catalogue",
        "branch",
        "sampling",
        "identitynet",
        "regions",
        "training",
    ),
    "nodes": ("wires", "files", "page", "people", "branch_settings", "training", "forms", "legacy"),
}
PACK = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]
HEAVY = {"insightface", "onnxruntime", "cv2", "matplotlib", "requests"}


def name_of(path):
    return str(path.relative_to(ROOT))


def imported(path):
    """The modules of ours that a file imports, in functions and for types too, as their parts from the top of the tree."""
    here = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            target = (*here[: len(here) - node.level], *(node.module or "").split("."))
            target = tuple(filter(None, target))
            if ROOT.joinpath(*target).with_suffix(".py").is_file():
                yield target
            else:
                yield from ((*target, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", PACK, ids=name_of)
def test_imports_point_downwards(path):
    package = path.relative_to(ROOT).parts[0]
    assert {target[0] for target in imported(path)} <= MAY_IMPORT[package]


def room_of(module):
    return module[1] if len(module) > 1 else "__init__"


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_stand_in_order(package):
    """Between rooms too imports point downwards, so there is no circle of rooms; within one there is none of files."""
    order = {room: i for i, room in enumerate(ROOMS[package])}
    upwards, arrows = [], {}
    for path in sorted((ROOT / package).rglob("*.py")):
        here = path.relative_to(ROOT).with_suffix("").parts
        if here[1] == "__init__":
            continue
        arrows[here] = {target for target in imported(path) if target[0] == package}
        upwards += [
            f"{name_of(path)} imports {'.'.join(target)}"
            for target in arrows[here]
            if order[room_of(target)] > order[room_of(here)]
        ]
    assert not upwards
    sorter = graphlib.TopologicalSorter(arrows)
    sorter.prepare()  # raises CycleError, which names the circle


def test_every_room_is_in_the_order():
    for package, rooms in ROOMS.items():
        found = {
            path.stem
            for path in (ROOT / package).iterdir()
            if path.is_dir() and (path / "__init__.py").is_file() or path.suffix == ".py" and path.stem != "__init__"
        }
        assert found == set(rooms)


@pytest.mark.parametrize("path", PACK, ids=name_of)
def test_the_pack_imports_itself_relatively(path):
    """ComfyUI names the package after its folder, so an absolute import of our own cannot work."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            assert (node.module or "").split(".")[0] not in MAY_IMPORT
        if isinstance(node, ast.Import):
            assert not {alias.name.split(".")[0] for alias in node.names} & set(MAY_IMPORT)


@pytest.mark.parametrize("path", PACK, ids=name_of)
def test_files_are_small_plain_and_say_what_they_are(path):
    text = path.read_text(encoding="utf-8")
    assert text.isascii(), "Chinese and other scripts live in locales/ and docs"
    assert len(text.splitlines()) <= 300, "one concept, one file"
    assert ast.get_docstring(ast.parse(text)), "the first line says what turns into what"
    assert path.stem not in {"utils", "helpers", "common", "misc"}


def imported_at_load(path):
    """Names of packages imported when the file is, not inside a function."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("path", PACK, ids=name_of)
def test_nothing_heavy_is_imported_when_comfyui_starts(path):
    assert not set(imported_at_load(path)) & HEAVY


def import_the_pack(cwd):
    code = f"import importlib, sys; sys.path.append({str(ROOT.parent)!r}); importlib.import_module({ROOT.name!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd)


def test_the_pack_can_be_imported_outside_comfyui():
    done = import_the_pack(ROOT.parent)
    assert done.returncode == 0, done.stderr


def test_an_older_comfyui_is_told_which_one_is_needed(tmp_path):
    (tmp_path / "comfy_api").mkdir()
    (tmp_path / "comfy_api" / "__init__.py").touch()
    assert "needs ComfyUI 0.30 or newer" in import_the_pack(tmp_path).stderr
    (tmp_path / "comfy_api" / "latest.py").write_text("import nothing_of_this_name")
    assert "No module named 'nothing_of_this_name'" in import_the_pack(tmp_path).stderr.splitlines()[-1]


def test_every_node_module_is_listed():
    listed = ast.parse((ROOT / "nodes" / "__init__.py").read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(listed) if isinstance(node, ast.Name)}
    for path in (ROOT / "nodes" / "forms").glob("*.py"):
        if "\nNODES = " in path.read_text(encoding="utf-8"):
            assert path.stem in names, f"nodes/forms/{path.name} has nodes that nodes/__init__.py does not list"
