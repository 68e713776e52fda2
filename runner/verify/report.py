"""The table as text for a terminal and as a page that can be pasted into an issue."""

import importlib.metadata
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from pack.attention.files.published import FILES, File
from pack.attention.files.sha256 import sha256_of

from .found import Found
from .row import Row

HEAD = ("file", "compared", "difference", "limit", "verdict")
PACKAGES = ("torch", "diffusers", "transformers", "insightface", "onnxruntime")


def line(cells: Iterable[str]) -> str:
    """One line of the table in Markdown."""
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def head() -> str:
    """The two lines that the table begins with."""
    return f"{line(HEAD)}\n{line(['---'] * len(HEAD))}"


def page(found: Found, rows: Sequence[Row], device: torch.device) -> str:
    """What a reader needs to judge and to repeat it: table, machine, versions, files with their hashes."""
    return "\n".join(
        [
            "# Weights compared",
            "",
            "Ours: the nodes of Likeness in ComfyUI. Theirs: diffusers, transformers and insightface. Both in float32, on "
            "the same photograph and the same noise. Differences are the largest ones, in standard deviations of what the "
            "reference computes.",
            "",
            head(),
            *(line(row.cells()) for row in rows),
            "",
            "## Ran on",
            "",
            *(f"- {told}" for told in _ran_on(device)),
            "",
            "## Files",
            "",
            *(f"- {found.name(path)}: {_told(path)}" for path in _files(found)),
            "",
        ]
    )


def _ran_on(device: torch.device) -> list[str]:
    import comfyui_version

    card = f", {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return [
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, device {device.type}{card}",
        f"ComfyUI {comfyui_version.__version__}, {versions}",
    ]


def _files(found: Found) -> list[Path]:
    adapters = [file.path for file in found.adapters]
    encoders = [path for path, _ in found.encoders]
    faces = [path for pack in found.faces for path in (pack.detector, pack.recogniser) if path]
    return [*found.checkpoints.values(), *adapters, *encoders, *found.control_nets, *faces]


def _told(path: Path) -> str:
    digest, size = sha256_of(path), path.stat().st_size
    published = next((file for file in FILES.values() if _is(file, size, digest)), None)
    same = (
        f"published as {published.name} at {published.repository.page}" if published else "not a published file we know"
    )
    return f"{size:,} bytes, sha256 {digest}, {same}"


def _is(file: File, size: int, digest: str) -> bool:
    return file.size in (size, None) and digest.startswith(file.sha256)
