"""Nodes as the graph calls them, with a place for what they show."""

from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session", autouse=True)
def previews(tmp_path_factory):
    folder_paths = pytest.importorskip("folder_paths", reason="needs ComfyUI: set LIKENESS_COMFYUI")
    before = folder_paths.temp_directory
    folder_paths.set_temp_directory(str(tmp_path_factory.mktemp("temp")))
    yield
    folder_paths.set_temp_directory(before)


@pytest.fixture
def ran():
    """Runs a node through the host's own preparation: its outputs by name, its text and the pictures it shows."""

    def run(node, **inputs):
        prepared = node.PREPARE_CLASS_CLONE({})
        output = prepared.execute(**inputs)
        names = [socket.id or socket.io_type for socket in node.define_schema().outputs]
        ui = output.ui if isinstance(output.ui, dict) else output.ui.as_dict() if output.ui else {}
        return SimpleNamespace(
            **dict(zip(names, output.args, strict=True)), text=ui.get("text", [""])[0], pictures=ui.get("images", [])
        )

    return run
