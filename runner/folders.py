"""Tells ComfyUI where more models are, in the form of its extra_model_paths.yaml."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

Folders = Mapping[str, Sequence[Path]]
"""Folders by ComfyUI's model category."""

CATEGORIES = (
    "checkpoints",
    "clip_vision",
    "controlnet",
    "diffusion_models",
    "insightface",
    "instantid",
    "ipadapter",
    "loras",
    "text_encoders",
    "vae",
)


def folders_in(models: Path) -> dict[str, list[Path]]:
    """The categories of a ComfyUI `models` folder; a folder without any of them counts as every category."""
    if any((models / category).is_dir() for category in CATEGORIES):
        return {folder.name: [folder] for folder in sorted(models.iterdir()) if folder.is_dir()}
    return {category: [models] for category in CATEGORIES}


def options_for(folders: Folders, file: Path) -> list[str]:
    """Write `folders` to `file` and return the server options that make ComfyUI read it."""
    if not folders:
        return []
    paths = {category: "\n".join(str(path.resolve()) for path in group) for category, group in folders.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"likeness": paths}, indent=1, ensure_ascii=False), encoding="utf-8")  # JSON is YAML
    return ["--extra-model-paths-config", str(file)]
