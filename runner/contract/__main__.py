"""Prints what holds on the ComfyUI whose folder is given and what is installed there; run with its own Python.

The exit status is 0 when everything holds that the pack relies on.
"""

import importlib.metadata
import importlib.util
import logging
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(tree: Path) -> int:
    """Put ComfyUI on the path in place of the repository, whose nodes/ would hide its nodes.py; report."""
    from .methods import METHODS
    from .uses import uses_of_pack

    sys.path[:] = [str(tree), *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT)]
    logging.disable(logging.WARNING)
    import comfy.cli_args

    comfy.cli_args.args.cpu = True  # nothing here is worth a GPU's memory
    print(_versions())
    for name, folder in (("pack", ROOT), ("miniature", ROOT / "tests" / "miniature")):
        load_package(name, folder)
    from .behaviour import PROMISES
    from .report import report

    lines, holds = report((*uses_of_pack(ROOT), *METHODS), PROMISES)
    print("\n".join([*lines, "", "Installed there:", *_installed(tree)]))
    return 0 if holds else 1


def _installed(tree: Path) -> Iterator[str]:
    """What Check Installation lists, for the model folders of this ComfyUI."""
    import utils.extra_config
    from pack.nodes.files import folders, installation

    paths = tree / "extra_model_paths.yaml"
    if paths.is_file():
        utils.extra_config.load_extra_path_config(str(paths))
    folders.register()
    for one in sorted(installation.checked(), key=lambda one: not one.cure):
        yield f"  ! {one.says}\n      {one.cure}" if one.cure else f"  {one.says}"


def _versions() -> str:
    import comfyui_version
    import torch

    try:
        page = importlib.metadata.version("comfyui-frontend-package")
    except importlib.metadata.PackageNotFoundError:
        page = "unknown"
    return (
        f"ComfyUI {comfyui_version.__version__}, its page {page}, torch {torch.__version__}, "
        f"Python {platform.python_version()}"
    )


def load_package(name: str, folder: Path) -> None:
    """Import the package in `folder` under another name. Raises what its import raises."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is not a package")
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


if __name__ == "__main__":
    import torch

    with torch.inference_mode():
        sys.exit(main(Path(sys.argv[1])))
