"""Without insightface, onnxruntime and OpenCV the library imports, and says how to get what it lacks."""

import subprocess
import sys
from pathlib import Path

import pytest
from pack.face import needs

FACE = Path(__file__).resolve().parents[3] / "face"
HEAVY = ("insightface", "onnxruntime", "onnx", "cv2", "skimage", "scipy")
MODULES = sorted(path.stem for path in FACE.glob("*.py") if path.stem != "__init__")

BLOCK = f"""
import sys, types
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.split(".")[0])
sys.meta_path.insert(0, Block())
# The host brings torch, and importing it takes seconds.
for name in ("torch", "torch.nn", "torch.nn.functional"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["torch"].Tensor = object
sys.path.insert(0, {str(FACE.parent)!r})
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_every_module_imports_without_the_optional_packages_and_so_imports_nothing_heavy():
    done = run(BLOCK + "\n".join(f"import face.{module}" for module in MODULES))
    assert done.returncode == 0, done.stderr


USES = {
    "insightface": "from face.models import load; from pathlib import Path; load(Path('x'))",
    "cv2": "from face.draw import draw_keypoints; draw_keypoints([], (4, 4)); draw_keypoints([[(1, 1)] * 5], (4, 4))",
    "onnx": "from face.graph import read_graph; from pathlib import Path; read_graph(Path('x'))",
}


@pytest.mark.parametrize("package", USES)
def test_using_what_is_missing_says_how_to_install_it(package):
    done = run(BLOCK + USES[package])
    message = done.stderr.strip().splitlines()[-1]
    assert message.startswith("likeness.MissingPackage"), done.stderr
    assert f"'{package}'" in message
    assert needs.pip("install", "insightface", "onnxruntime", "opencv-python") in message


@pytest.mark.parametrize(
    ("program", "has_pip", "command"),
    [
        ("/venv/bin/python", True, '"/venv/bin/python" -m pip uninstall -y a b'),
        (
            "C:\\Comfy\\python_embeded\\python.exe",
            True,
            '"C:\\Comfy\\python_embeded\\python.exe" -s -m pip uninstall -y a b',
        ),
        ("/desktop/.venv/bin/python", False, 'uv pip uninstall --python "/desktop/.venv/bin/python" a b'),
    ],
)
def test_the_command_is_that_of_the_python_that_runs(program, has_pip, command, monkeypatch):
    monkeypatch.setattr(needs.sys, "executable", program)
    monkeypatch.setattr(needs, "find_spec", lambda name: object() if has_pip else None)
    assert needs.pip("uninstall", "a", "b") == command


def test_insightface_without_onnxruntime_names_onnxruntime():
    done = run(BLOCK.replace(repr(HEAVY), repr(("onnxruntime",))) + USES["insightface"])
    assert "'onnxruntime'" in done.stderr.strip().splitlines()[-1], done.stderr
