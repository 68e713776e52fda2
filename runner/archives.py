"""Takes chosen files out of tar and zip archives into a folder that appears whole or not at all."""

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from .problems import Problem

Choose = Callable[[str], str | None]
"""Maps a member's name to the path it gets below the target folder, or to None to leave it out."""

Member = tuple[str, Callable[[], IO[bytes]]]


def below(prefix: str) -> Choose:
    """Choose everything under the folder `prefix` of an archive, keeping its inner paths."""
    start = prefix.rstrip("/") + "/"
    return lambda name: name[len(start) :] if name.startswith(start) else None


def extract(sources: Mapping[Path, Choose], target: Path) -> None:
    """Replace `target` by the chosen members of each archive of `sources`.

    They are written into a folder next to it, which takes its name only when complete. Raises Problem for an
    archive that cannot be read, holds none of the wanted files, or holds links or paths that lead out.
    """
    partial = target.with_name(f".partial-{target.name}")
    _remove(partial)
    for archive, choose in sources.items():
        try:
            count = _unpack(archive, choose, partial)
        except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise Problem(f"{archive.name} could not be unpacked into {target} ({error}).", _again(archive)) from error
        if not count:
            raise Problem(f"{archive.name} contains none of the files for {target.name}/.", _again(archive))
    _remove(target)
    partial.replace(target)


def _unpack(archive: Path, choose: Choose, folder: Path) -> int:
    count = 0
    for name, opened in _members(archive, choose):
        _write(opened, _inside(folder, name, archive))
        count += 1
    return count


def _members(archive: Path, choose: Choose) -> Iterator[Member]:
    return _zip_members(archive, choose) if zipfile.is_zipfile(archive) else _tar_members(archive, choose)


def _tar_members(archive: Path, choose: Choose) -> Iterator[Member]:
    with tarfile.open(archive) as tar:
        for member in tar:
            name = choose(member.name)
            if not name or member.isdir():
                continue
            if not member.isfile():
                raise Problem(
                    f"{archive.name} contains {member.name}, which is a link or a device, not a file.",
                    _again(archive),
                )
            yield name, lambda member=member: _opened(tar, member)


def _opened(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(member)
    if file is None:
        raise tarfile.ReadError(f"{member.name} has no contents")
    return file


def _zip_members(archive: Path, choose: Choose) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            name = choose(member.filename)
            if name and not member.is_dir():
                yield name, lambda member=member: zipped.open(member)


def _inside(folder: Path, name: str, archive: Path) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise Problem(f"{archive.name} contains {name!r}, a path that leads out of its folder.", _again(archive))
    return folder.joinpath(*path.parts)


def _write(opened: Callable[[], IO[bytes]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened() as source, path.open("wb") as sink:
        shutil.copyfileobj(source, sink)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _again(archive: Path) -> str:
    return f"delete {archive} and run the same command again; it is then downloaded again."
