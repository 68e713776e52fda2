"""The user's choice of device -> ONNX Runtime providers, and the cure where a CPU build hides a GPU build."""

from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from .errors import MissingPackage
from .needs import need, pip

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

PROVIDERS: dict[str, tuple[str, ...]] = {
    "CUDA": (CUDA,),
    "ROCm": ("ROCMExecutionProvider", "MIGraphXExecutionProvider"),
    "DirectML": ("DmlExecutionProvider",),
    "CoreML": ("CoreMLExecutionProvider",),
    "CPU": (CPU,),
}
AUTO = ("CUDA", "ROCm", "DirectML", "CPU")
"""The order of `auto`; not CoreML, which can end the process at inputs of changing size (insightface, model_zoo.py)."""

CHOICES = ("auto", *PROVIDERS)

BUILDS = {
    "onnxruntime-gpu": "CUDA",
    "onnxruntime-directml": "DirectML",
    "onnxruntime-rocm": "ROCm",
    "onnxruntime-migraphx": "ROCm",
}
"""Distribution -> what it should offer; all unpack into one folder with `onnxruntime`: the last one wins."""

OPTIONS: dict[str, dict[str, str]] = {
    CUDA: {
        "cudnn_conv_algo_search": "HEURISTIC",  # the exhaustive search runs anew for every size of the ladder
        "arena_extend_strategy": "kSameAsRequested",  # leaves the card to the diffusion model
        "use_tf32": "0",
    }
}


@dataclass(frozen=True)
class Provider:
    """What sessions are made with: providers in order, and whether the first was asked for by name."""

    names: tuple[str, ...]
    asked: bool
    note: str = ""

    def sessions(self) -> list[str | tuple[str, dict[str, str]]]:
        """In the form ONNX Runtime takes."""
        return [(name, OPTIONS[name]) if name in OPTIONS else name for name in self.names]


def provider(choice: str) -> Provider:
    """The providers for a choice of CHOICES from what ONNX Runtime offers here; MissingPackage if it cannot."""
    need("insightface")  # first: it switches ONNX Runtime's telemetry off
    return pick(choice, need("onnxruntime").get_available_providers(), installed())


def pick(choice: str, available: Collection[str], builds: Collection[str]) -> Provider:
    """As `provider`, for given providers and installed distributions."""
    hidden = shadowed(available, builds)
    for wanted in AUTO if choice == "auto" else (choice,):
        for name in PROVIDERS[wanted]:
            if name in available:
                names = (name,) if name == CPU else (name, CPU)
                return Provider(names, choice != "auto", hidden if choice != CPU else "")
    raise MissingPackage(
        f"ONNX Runtime here cannot use {choice}; it offers {', '.join(sorted(available))}. "
        + (hidden or f"Choose auto, or install the build for {choice}: {_build_for(choice)}.")
    )


def shadowed(available: Collection[str], builds: Collection[str]) -> str:
    """What to do if a GPU build is installed but another build lies over it, else an empty string."""
    for build, wanted in BUILDS.items():
        if build in builds and not any(name in available for name in PROVIDERS[wanted]):
            others = sorted(set(builds) - {build})
            return (
                f"{build} is installed, but {' and '.join(others) or 'another build'} hides it, so {wanted} "
                f"is not used. Cure:  {pip('uninstall', *others, build)}  and then  {pip('install', build)}"
            )
    return ""


def really_runs(asked: Provider, session_providers: Collection[str], model: str) -> tuple[str, str]:
    """The provider that a session really uses, and a note if it is not the first one asked for.

    ONNX Runtime falls back to the CPU in silence (a missing cuDNN, say); where the user chose the provider by
    name that is MissingPackage here.
    """
    first = next(iter(session_providers))
    if first == asked.names[0]:
        return first, ""
    text = (
        f"{model} runs on {first} though {asked.names[0]} was to be used: ONNX Runtime could not start it "
        "(for CUDA: CUDA or cuDNN of the version this build needs is missing; see the console)."
    )
    if asked.asked:
        raise MissingPackage(f"{text} Choose CPU or auto to go on.")
    return first, text


def installed() -> set[str]:
    """Which distributions of ONNX Runtime are installed."""
    return {name for name in ("onnxruntime", *BUILDS) if has(name)}


def has(distribution: str) -> bool:
    """Whether this Python has a distribution, whatever can be imported of it."""
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _build_for(choice: str) -> str:
    return " or ".join(build for build, wanted in BUILDS.items() if wanted == choice) or "onnxruntime"
