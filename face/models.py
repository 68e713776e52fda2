"""A pack and a provider -> its running models; one session for each file and provider, shared."""

from collections.abc import Hashable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, cast
from weakref import WeakValueDictionary

from .cache import Cache
from .errors import MissingModel
from .graph import DETECTOR, RECOGNISER
from .needs import need
from .packs import Pack, missing, read_pack
from .providers import Provider, provider, really_runs
from .recognisers import in_words
from .value import Array, Pixels

ONE_AT_A_TIME = ("DmlExecutionProvider",)
"""Providers whose sessions must not run twice at once (ONNX Runtime's DirectML page)."""


class Detector(Protocol):
    """The part of insightface's SCRFD that is used."""

    session: Any
    static_input_size: tuple[int, int] | None

    def detect(self, img: Pixels, input_size: tuple[int, int], *, det_thresh: float) -> tuple[Array, Array | None]:
        """BGR picture -> boxes with score (N, 5) and keypoints (N, 5, 2)."""
        ...


class Recogniser(Protocol):
    """The part of insightface's ArcFaceONNX that is used."""

    def get_feat(self, imgs: Pixels) -> Array:
        """Aligned BGR crop of 112 pixels -> (1, 512)."""
        ...


@dataclass(frozen=True)
class Detections:
    """Faces as a detector gives them: boxes (N, 4), keypoints (N, 5, 2), scores (N,), how they were found."""

    boxes: Array
    keypoints: Array
    scores: Array
    rungs: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class FaceModels:
    """The models of one pack, ready to run, with a memory of what they found in which picture."""

    pack: Pack
    running: str
    """the provider that really runs"""
    notes: tuple[str, ...]
    _detector: Detector | None
    _recogniser: Recogniser | None
    found: Cache[Detections] = field(default_factory=lambda: Cache[Detections](1024), repr=False)
    embedded: Cache[Array] = field(default_factory=lambda: Cache[Array](4096), repr=False)
    _turn: Lock = field(default_factory=Lock, repr=False)

    @property
    def detector(self) -> Detector:
        """Raises MissingModel if the pack has none."""
        if self._detector is None:
            raise MissingModel(missing(self.pack.folder, DETECTOR))
        return self._detector

    @property
    def recogniser(self) -> Recogniser:
        """Raises MissingModel if the pack has none."""
        if self._recogniser is None:
            raise MissingModel(missing(self.pack.folder, RECOGNISER))
        return self._recogniser

    @property
    def recogniser_id(self) -> str:
        """Which recogniser this is, see recognisers.py; empty if there is none."""
        return self.pack.recogniser_id

    def embedding_by(self, path: Path, recogniser_id: str, recogniser: Recogniser) -> "FaceModels":
        """The same detector with the recogniser of another file."""
        pack = replace(self.pack, recogniser=path, recogniser_id=recogniser_id)
        return replace(self, pack=pack, _recogniser=recogniser, embedded=Cache[Array](4096))

    def turn(self) -> AbstractContextManager[Any]:
        """To be held while a model runs; it only waits where the provider cannot run twice at once."""
        return self._turn if self.running in ONE_AT_A_TIME else nullcontext()

    def report(self) -> str:
        """What was loaded, for the node: files, recogniser, provider, notes and licence."""
        detector, recogniser = self.pack.detector, self.pack.recogniser
        lines = [
            f"{self.pack.name}: detector {detector.name if detector else 'none'}, "
            f"recogniser {f'{recogniser.name}: {in_words(self.recogniser_id)}' if recogniser else 'none'}",
            f"runs on {self.running.removesuffix('ExecutionProvider')}",
            *self.notes,
        ]
        return "\n".join(lines)


def load(folder: Path, choice: str = "auto") -> FaceModels:
    """The models of a pack's folder on a provider of providers.CHOICES. Never downloads.

    Raises MissingModel (files) or MissingPackage (insightface, onnxruntime, the provider chosen by name).
    """
    asked = provider(choice)
    pack = read_pack(folder)
    detector = cast("Detector | None", _model(pack.detector, asked, "SCRFD"))
    recogniser = cast("Recogniser | None", _model(pack.recogniser, asked, "ArcFaceONNX"))
    running, notes = asked.names[0], [asked.note]
    for model, path in ((detector, pack.detector), (recogniser, pack.recogniser)):
        if model is not None and path is not None:
            running, note = really_runs(asked, cast(Any, model).session.get_providers(), path.name)
            notes.append(note)
    return FaceModels(pack, running, (*filter(None, notes), *pack.notes), detector, recogniser)


_open: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
_opening = Lock()


def _model(path: Path | None, asked: Provider, expected: str) -> Any:
    """The model of a file, the one that is already open if somebody still holds it."""
    if path is None:
        return None
    stat = path.stat()
    key = (path.resolve(), stat.st_size, stat.st_mtime_ns, asked.names)
    with _opening:
        model = _open.get(key)
        if model is None:
            try:
                model = need("insightface.model_zoo").get_model(
                    str(path),
                    providers=asked.sessions(),
                    sess_options=_session_options(),
                    static_shape_sessions=False,  # a session for each size of the ladder costs 175 MB and twice the time
                )
            except _refusals() as error:
                reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
                if any(words in str(error).lower() for words in _NO_MEMORY):
                    raise MemoryError(
                        f"there is no memory left in which to run {path.name} ({reason}). Free some, or choose CPU as the "
                        "provider in Load Face Models."
                    ) from error
                raise MissingModel(f"{path.name} cannot be run ({reason}). Get it again from its publisher.") from error
            if type(model).__name__ != expected:
                raise MissingModel(f"insightface takes {path} for {type(model).__name__}, expected {expected}.")
            _open[key] = model
    return model


_NO_MEMORY = ("out of memory", "allocate memory", "alloc_failed", "bad allocation")
"""How CUDA, ONNX Runtime, cuBLAS or cuDNN, and C++ say that there is none, which is no fault of a file."""


def _refusals() -> tuple[type[Exception], ...]:
    """What ONNX Runtime and insightface raise for a graph that they cannot run; Runtime's have no common class."""
    own = vars(need("onnxruntime.capi.onnxruntime_pybind11_state")).values()
    named = (found for found in own if isinstance(found, type) and issubclass(found, Exception))
    return (RuntimeError, ValueError, AssertionError, LookupError, OSError, *named)


def _session_options() -> Any:
    """Threads sleep when they have nothing to do: spinning doubles the time on a machine that is busy otherwise."""
    options = need("onnxruntime").SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
