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
        "memory_full",
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
    "nodes": ("available", "wires", "files", "page", "people", "branch_settings", "training", "forms", "legacy"),
}
PACK = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]
HEAVY = {"insightface", "onnxruntime", "cv2", "matplotlib", "requests"}


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in PACK}


def name_of(path):
    return str(path.relative_to(ROOT))


def faults(fault_of):
    """What a function finds wrong with each file of the pack, by file; None is nothing."""
    found = {name_of(path): fault_of(path) for path in PACK}
    return {name: fault for name, fault in found.items() if fault}


def imported(path):
    """The modules of ours that a file imports, in functions and for types too, as their parts from the top of the tree."""
    here = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ImportFrom) and node.level:
            target = (*here[: len(here) - node.level], *(node.module or "").split("."))
            target = tuple(filter(None, target))
            if ROOT.joinpath(*target).with_suffix(".py").is_file():
                yield target
            else:
                yield from ((*target, alias.name) for alias in node.names)


def test_imports_point_downwards():
    def upwards(path):
        return {target[0] for target in imported(path)} - MAY_IMPORT[path.relative_to(ROOT).parts[0]]

    assert not faults(upwards)


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


def packages_named(nodes):
    """Names of the packages that absolute imports among these nodes name."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0]


def test_the_pack_imports_itself_relatively():
    """ComfyUI names the package after its folder, so an absolute import of our own cannot work."""
    assert not faults(lambda path: set(packages_named(ast.walk(TREES[path]))) & set(MAY_IMPORT))


def test_files_are_small_plain_and_say_what_they_are():
    def fault(path):
        text = path.read_text(encoding="utf-8")
        if not text.isascii():
            return "Chinese and other scripts live in locales/ and docs"
        if len(text.splitlines()) > 300:
            return "more than one concept: over 300 lines"
        if not ast.get_docstring(TREES[path]):
            return "the first line does not say what turns into what"
        if path.stem in {"utils", "helpers", "common", "misc"}:
            return "the name does not say what is in it"
        return None

    assert not faults(fault)


def test_nothing_heavy_is_imported_when_comfyui_starts():
    assert not faults(lambda path: set(packages_named(TREES[path].body)) & HEAVY), "not inside a function"


def test_one_version_of_the_hosts_interface_is_used():
    """The host keeps what it has numbered; 'latest' is whatever it is today. The others are guarded where they stand."""
    allowed = {"v0_0_2", "input", "torch_helpers"}

    def other(path):
        nodes = [node for node in ast.walk(TREES[path]) if isinstance(node, ast.Import | ast.ImportFrom)]
        names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
        parts = [name.split(".") for name in names if name.split(".")[0] == "comfy_api"]
        return {part[1] if len(part) > 1 else "" for part in parts} - allowed

    assert not faults(other)


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
    (tmp_path / "comfy_api" / "v0_0_2.py").write_text("import nothing_of_this_name")
    assert "No module named 'nothing_of_this_name'" in import_the_pack(tmp_path).stderr.splitlines()[-1]


def test_every_node_module_is_listed():
    listed = ast.parse((ROOT / "nodes" / "__init__.py").read_text(encoding="utf-8"))
    names = {node.value for node in ast.walk(listed) if isinstance(node, ast.Constant)}
    for path in (ROOT / "nodes" / "forms").glob("*.py"):
        if "\nNODES = " in path.read_text(encoding="utf-8"):
            assert path.stem in names, f"nodes/forms/{path.name} has nodes that nodes/__init__.py does not list"
