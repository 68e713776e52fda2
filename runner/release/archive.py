"""The tracked files of a clone -> the archive that comfy-cli would upload of them."""

import shutil
import subprocess
import zipfile
from pathlib import Path

from ..checks import quiet
from ..places import Places, program_in
from ..problems import Problem
from .tree import field, git, tracked

PACKED = "node.zip"
"""What comfy-cli calls every archive."""


def build(places: Places, folder: Path) -> Path:
    """Pack the tracked files with comfy-cli, which drops what .comfyignore names; the archive, in `folder`.

    In a copy, because comfy-cli writes into the folder that it packs; with git, because it reads .comfyignore
    differently without. Raises Problem when it fails.
    """
    copy = folder / "being-packed"
    shutil.rmtree(copy, ignore_errors=True)
    for name in tracked(places.root):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(places.root / name, copy / name)
    git(copy, "init", "--quiet")
    git(copy, "config", "core.quotepath", "off")  # or comfy-cli misses files with Chinese names
    git(copy, "add", "--all", "--force")
    command = [program_in(places.tools, "comfy"), "--skip-prompt", "node", "pack"]
    done = subprocess.run(command, cwd=copy, env=quiet(places), capture_output=True, encoding="utf-8", check=False)
    if done.returncode or not (copy / PACKED).is_file():
        raise Problem(f"comfy-cli made no archive:\n{done.stdout}{done.stderr}", "mend what it names.")
    archive = folder / f"{field(places.root, 'name')}-{field(places.root, 'version')}.zip"
    (copy / PACKED).replace(archive)
    shutil.rmtree(copy)
    return archive


def texts(archive: Path, *suffixes: str) -> dict[str, str]:
    """What stands in the files of an archive that end so, by their paths."""
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name).decode("utf-8") for name in opened.namelist() if name.endswith(suffixes)}


def sizes(archive: Path) -> dict[str, int]:
    """The size in bytes of each file of an archive, by its path."""
    with zipfile.ZipFile(archive) as opened:
        return {member.filename: member.file_size for member in opened.infolist() if not member.is_dir()}
