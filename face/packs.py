"""Folders of InsightFace models -> packs: the detector and the recogniser in each, and notes on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import MissingModel
from .graph import DETECTOR, RECOGNISER, Graph, read_graph
from .recognisers import foreign

RELEASE = "https://github.com/deepinsight/insightface/releases/tag/v0.7"
LICENCE = (
    "Weights by InsightFace are for non-commercial research only; for any other use ask InsightFace for a licence."
)
PUBLISHED = {
    "antelopev2": {DETECTOR: "scrfd_10g_bnkps.onnx", RECOGNISER: "glintr100.onnx"},
    "buffalo_l": {DETECTOR: "det_10g.onnx", RECOGNISER: "w600k_r50.onnx"},
    "buffalo_m": {DETECTOR: "det_2.5g.onnx", RECOGNISER: "w600k_r50.onnx"},
    "buffalo_s": {DETECTOR: "det_500m.onnx", RECOGNISER: "w600k_mbf.onnx"},
    "buffalo_sc": {DETECTOR: "det_500m.onnx", RECOGNISER: "w600k_mbf.onnx"},
}
"""Pack -> the two files this library uses; only for messages, files are told by their graph."""


@dataclass(frozen=True)
class Pack:
    """The models of one folder; `notes` are what a user should read about it."""

    name: str
    folder: Path
    detector: Path | None
    recogniser: Path | None
    recogniser_id: str
    notes: tuple[str, ...]


def find_packs(roots: Iterable[Path]) -> dict[str, Path]:
    """Name -> folder of every pack below the model folders, as `<root>/models/<pack>` or `<root>/<pack>`."""
    found: dict[str, Path] = {}
    for root in roots:
        for parent in (root / "models", root):
            for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
                if folder.is_dir() and folder.name != "models" and next(folder.rglob("*.onnx"), None):
                    found.setdefault(folder.name, folder)
    return found


def read_pack(folder: Path) -> Pack:
    """Tell the files of a folder, and of folders in it, by their graphs.

    Raises MissingModel if there is neither a detector nor a recogniser, or more than one of a kind.
    """
    graphs, notes = _graphs(folder)
    detector = _only(folder, DETECTOR, graphs)
    recogniser = _only(folder, RECOGNISER, graphs)
    if detector is None and recogniser is None:
        raise MissingModel(" ".join([missing(folder, DETECTOR, RECOGNISER), *notes]))
    for task, graph in ((DETECTOR, detector), (RECOGNISER, recogniser)):
        if graph is None:
            notes.append(missing(folder, task))
    if recogniser is not None:
        notes += foreign(recogniser.detail)
    return Pack(
        name=folder.name,
        folder=folder,
        detector=detector.path if detector else None,
        recogniser=recogniser.path if recogniser else None,
        recogniser_id=recogniser.detail if recogniser else "",
        notes=(*notes, LICENCE),
    )


def missing(folder: Path, *tasks: str) -> str:
    """The sentence that names missing files and where they are published."""
    published = PUBLISHED.get(folder.name)
    what = " and ".join(f"no {task} ({published[task]})" if published else f"no {task}" for task in tasks)
    archive = f"{folder.name}.zip" if published else "antelopev2.zip or buffalo_l.zip"
    return f"There is {what} in {folder}; it is in {archive} at {RELEASE}: unpack it into that folder."


def _graphs(folder: Path) -> tuple[list[Graph], list[str]]:
    """What is in the folder; a file that lies there twice (a zip unpacked twice) counts once."""
    graphs: dict[tuple[str, int], Graph] = {}
    notes: list[str] = []
    for path in sorted(folder.rglob("*.onnx"), key=lambda path: (len(path.parts), path.name)):
        try:
            graph = read_graph(path)
            graphs.setdefault((path.name, path.stat().st_size), graph)
        except MissingModel as error:
            notes.append(f"Ignored: {error}")
    return list(graphs.values()), notes


def _only(folder: Path, task: str, graphs: list[Graph]) -> Graph | None:
    fitting = [graph for graph in graphs if graph.task == task]
    if len(fitting) > 1:
        names = ", ".join(f"{graph.path.relative_to(folder)} ({graph.detail})" for graph in fitting)
        raise MissingModel(
            f"{folder} holds {len(fitting)} {task}s: {names}. "
            f"Keep one {task} in a folder; move the others to their own."
        )
    return fitting[0] if fitting else None
