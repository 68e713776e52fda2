"""This Python -> what the face nodes find in it: packages, the provider that really runs, and builds that clash."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from . import providers
from .errors import MissingPackage
from .needs import need, pip

PACKAGES = {"insightface": "insightface", "onnxruntime": "onnxruntime", "cv2": "opencv-python"}
"""What the face nodes import -> a distribution that has it."""
OPENCV = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
"""Distributions that unpack into one folder: the last one wins, and removing any breaks the others."""

# An ONNX network that hands its input on (onnx.helper, opset 13): what starts it starts a network of ours too.
_IDENTITY = bytes.fromhex(
    "08083a370a100a017812017922084964656e746974791201675a0f0a0178120a0a08080112040a020801620f0a0179120a0a08080112040a02080142"
    "040a00100d"
)


@dataclass(frozen=True)
class Checked:
    """One line of a check: what was found, and what cures it; empty where nothing is wrong."""

    says: str
    cure: str = ""


def face_packages() -> Iterator[Checked]:
    """Whether the packages of the face nodes are there, and what ONNX Runtime really runs on."""
    are_there = True
    for module, distribution in PACKAGES.items():
        try:
            need(module)
        except MissingPackage as error:
            are_there = False
            yield Checked(
                f"{distribution} is missing or broken, so face nodes do not run ({error.__cause__}).", _install()
            )
        else:
            yield Checked(f"{distribution} is there.")
    builds = providers.installed()
    yield from clashes(builds, {name for name in OPENCV if providers.has(name)})
    if are_there:
        yield runs_on(builds)


def clashes(onnx_builds: Collection[str], opencv_builds: Collection[str]) -> Iterator[Checked]:
    """Installed builds of one package that lie over each other."""
    for builds, what in ((onnx_builds, "ONNX Runtime"), (opencv_builds, "OpenCV")):
        if len(builds) > 1:
            kept = _best(builds)
            cure = f"{pip('uninstall', *sorted(builds))}  and then  {pip('install', kept)}"
            yield Checked(f"{len(builds)} builds of {what} lie over each other: {', '.join(sorted(builds))}.", cure)


def runs_on(builds: Collection[str]) -> Checked:
    """What a network that is started with 'auto' really runs on."""
    runtime = need("onnxruntime")
    wanted = providers.pick("auto", runtime.get_available_providers(), builds)
    session = runtime.InferenceSession(_IDENTITY, providers=wanted.sessions())
    used, note = providers.really_runs(wanted, session.get_providers(), "A face network")
    cure = note or wanted.note
    return Checked(f"Face networks run on {used.removesuffix('ExecutionProvider')}.", cure)


def _best(builds: Collection[str]) -> str:
    """The build to keep: one for a GPU, or the OpenCV with most in it."""
    return next((name for name in (*providers.BUILDS, OPENCV[1], OPENCV[0]) if name in builds), sorted(builds)[0])


def _install() -> str:
    return pip("install", "insightface", "onnxruntime", "opencv-python")
