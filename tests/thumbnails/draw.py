"""Draws the thumbnails of the templates with the world's trained models; LIKENESS_COMFYUI names the host.

python tests/thumbnails/draw.py [NAME ...]

What goes in is drawn by programs, what comes out by the world's models, set as the template sets them. Faces are the
exception: a head with its keypoints stands for them, as no model has been trained on these people yet.
"""

import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
TEMPLATES = TESTS.parent / "example_workflows"
HELP = TESTS.parent / "web" / "docs" / "figures"
QUALITY = 88
IN_HELP = (480, 360)


def main() -> None:
    wanted = sys.argv[1:]
    sys.path.insert(0, str(TESTS))
    from miniature.make_adapters import load_package, reach

    reach(Path(os.environ.get("LIKENESS_COMFYUI", "")).resolve())
    load_package("pack", TESTS.parent)
    sys.path.append(str(TESTS.parent))  # for `runner`; after the host, whose `nodes` wins
    import torch

    from thumbnails.figures import FIGURES
    from thumbnails.rows import ROWS

    torch.set_num_threads(1)
    for path in sorted(TEMPLATES.glob("*.json")):
        name = " ".join(path.stem.encode("ascii", "ignore").decode().split())
        if not wanted or name in wanted:
            ROWS[name]().drawn().save(path.with_suffix(".jpg"), quality=QUALITY, optimize=True)
    HELP.mkdir(exist_ok=True)
    for name, figure in FIGURES.items():
        if not wanted or name in wanted:
            figure().drawn().resize(IN_HELP).save(HELP / f"{name}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
