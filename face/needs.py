"""The name of an optional package -> the imported package, or one error that says how to install it."""

import sys
import warnings
from functools import lru_cache
from importlib import import_module
from types import ModuleType

from .errors import MissingPackage

PACKAGES = ("insightface", "onnxruntime", "opencv-python")


def install_command(*packages: str) -> str:
    """The command that installs packages into the Python that runs now."""
    return f'"{sys.executable}" -m pip install {" ".join(packages or PACKAGES)}'


def need(module: str) -> ModuleType:
    """Import `module`; raises MissingPackage with the command that installs what is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        name = getattr(error.__cause__ or error, "name", None) or module
        raise MissingPackage(
            f"Face nodes need the Python package '{name}', which cannot be imported ({error}). "
            f"Install it with:  {install_command()}  and restart ComfyUI. "
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
