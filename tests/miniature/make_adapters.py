"""Writes the miniatures' files under a models folder; LIKENESS_COMFYUI names the host."""

import argparse
import importlib.util
import os
import sys
from pathlib import Path

SEED = 11
FILES = [*((family, variant) for family in ("sd15", "sdxl") for variant in ("base", "plus")), ("sdxl", "instantid")]


def reach(comfyui: Path, on_the_cpu: bool = True) -> None:
    """Make the host and this package importable, the host on the CPU or where it finds a card."""
    if not (comfyui / "comfy").is_dir():
        sys.exit(f"No ComfyUI in {comfyui}: set LIKENESS_COMFYUI to the folder that holds ComfyUI's main.py.")
    here = Path(__file__).resolve().parent
    others = [entry for entry in sys.path if Path(entry).resolve() != here]
    sys.path[:] = [str(comfyui), *others, str(here.parent)]  # the host's modules win
    sys.argv = [sys.argv[0], *(["--cpu"] if on_the_cpu else [])]
    import comfy.options

    comfy.options.enable_args_parsing()


def load_package(name: str, folder: Path) -> None:
    """Import a package from its folder under a name of its own."""
    places = [str(folder)]
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=places)
    assert spec and spec.loader
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


def write_if_changed(path: Path, content: bytes) -> bool:
    """Put the content in place in one step; False when the file already holds it."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + f".{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)
    return True


def write(models: Path) -> dict[Path, bool]:
    """Write all files below a models folder; for each whether it had to be."""
    from miniature.adapters import adapter_state_dict, as_safetensors
    from miniature.world import files

    folder = models / "ipadapter" / "miniature"
    made = {
        folder / f"{family}_{variant}.safetensors": as_safetensors(adapter_state_dict(family, variant, SEED))
        for family, variant in FILES
    }
    made[folder / files.IP_ADAPTER] = (files.WEIGHTS / files.IP_ADAPTER).read_bytes()
    return {path: write_if_changed(path, content) for path, content in made.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="the models folder; adapters go to DIR/ipadapter/miniature")
    models = parser.parse_args().directory.resolve()
    reach(Path(os.environ.get("LIKENESS_COMFYUI", "")).resolve())
    load_package("pack", Path(__file__).resolve().parents[2])
    for path, changed in write(models).items():
        sys.stdout.write(f"{'wrote' if changed else 'kept'} {path}\n")


if __name__ == "__main__":
    main()
