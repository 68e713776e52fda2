"""The name of an optional package -> the imported package, or one error that says how to install it."""

import sys
import warnings
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from .errors import MissingPackage

PACKAGES = ("insightface", "onnxruntime", "opencv-python")


def pip(verb: str, *packages: str) -> str:
    """The command that installs or uninstalls packages in the Python that runs now: of a portable ComfyUI, a virtual
    environment, or the Desktop application, whose environment has uv in place of pip."""
    yes = " -y" if verb == "uninstall" else ""
    if find_spec("pip") is None:
        return f'uv pip {verb} --python "{sys.executable}" {" ".join(packages)}'
    # A portable Python would else look into the user's own packages.
    alone = " -s" if "python_embeded" in sys.executable else ""
    return f'"{sys.executable}"{alone} -m pip {verb}{yes} {" ".join(packages)}'


def need(module: str) -> ModuleType:
    """Import `module`; raises MissingPackage with the command that installs what is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        name = getattr(error.__cause__ or error, "name", None) or module
        raise MissingPackage(
            f"Face nodes need the Python package '{name}', which cannot be imported ({error}). "
            f"Install it with:  {pip('install', *PACKAGES)}  and restart ComfyUI. "
            "(With an NVIDIA card: onnxruntime-gpu in place of onnxruntime, never both.)"
        ) from error


def opencv() -> ModuleType:
    """OpenCV's `cv2`."""
    return need("cv2")


@lru_cache(maxsize=1)
def face_align() -> ModuleType:
    """InsightFace's alignment; its use of a deprecated scikit-image call is not the user's business."""
    warnings.filterwarnings("ignore", message=".*estimate.* is deprecated", category=FutureWarning)
    return need("insightface.utils.face_align")
