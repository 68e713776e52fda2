"""A file of the pack -> the feature that a user loses when what the file asks of ComfyUI is not there."""

import ast
from pathlib import Path

WHOLE = "the whole pack"

# The first that fits, so the narrow ones come first.
FEATURES = (
    ("attention/sampling/compiled.py", "models that are compiled"),
    ("attention/sampling/again.py", "the hint about masks on nodes that sample in parts"),
    ("attention/identitynet", "IdentityNet, the half of InstantID that fixes the pose"),
    ("attention/training", "training"),
    ("attention/regions", "Region Prompts and Refine Faces"),
    ("attention/reference", "encoding references"),
    ("attention/adapter/lora.py", "FaceID's LoRA"),
    ("attention/catalogue", "finding installed models"),
    ("attention", "every reference (IP-Adapter and InstantID)"),
    ("nodes/training", "training"),
    ("nodes/legacy", "workflows of the old packs"),
    ("nodes/files/download", "downloads of models"),
    ("nodes/files", "finding models and saving files"),
    ("nodes/people/repaint.py", "Refine Faces"),
    ("nodes/people", "nodes for faces"),
    ("nodes/page", "what nodes show and say on the page"),
)


def feature_of(file: str, tree: ast.Module | None = None) -> str:
    """The feature that `file`, a path from the pack's folder with forward slashes, belongs to.

    A node's own form is the node itself, by the title that its source (`tree`) gives it.
    """
    if file.startswith("nodes/forms/") and tree is not None:
        titles = list(dict.fromkeys(_titles(tree)))
        if titles:
            return "the node " + " and ".join(titles)
    return next((says for start, says in FEATURES if file.startswith(start)), WHOLE)


def _titles(tree: ast.Module) -> list[str]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    given = (word for call in calls for word in call.keywords if word.arg == "display_name")
    schemas = (word.value for word in given if isinstance(word.value, ast.Constant))
    return [str(value.value) for value in schemas][:1]


def file_of(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
