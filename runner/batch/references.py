"""References before pictures: each photo that rows name is encoded once, and the rows get its file in place of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .faults import Faulty, some
from .jobs import File, Job
from .key import SAVED
from .report import Report
from .substitute import Prompt, Target, with_values

FOLDER = "references"
"""Where the first stage is written: a batch of its own below the other."""
LOADERS = ("LikenessLoadEmbeds", "LikenessLoadFaces")
"""The nodes that take a saved reference in place of a photo."""


def photos_of(jobs: Sequence[Job]) -> dict[str, list[str]]:
    """The photos that rows name where a saved reference is loaded, each with the rows that need it."""
    found = defaultdict[str, list[str]](list)
    for job in jobs:
        for file in job.files:
            if _is_photo(job, file):
                found[file.address].append(job.id)
    return dict(found)


def encoding(prompt: Prompt, photos: Mapping[str, Sequence[str]]) -> list[Job]:
    """A job for each photo. Raises Faulty unless the prompt has one node that takes it, and there are photos."""
    pictures = [
        (number, name)
        for number, node in prompt.items()
        for name, value in node["inputs"].items()
        if name == "image" and isinstance(value, str)
    ]
    faults = []
    if len(pictures) != 1:
        faults.append(f"The prompt of --references has {len(pictures)} nodes that load a picture; it must have one.")
    if not photos:
        faults.append(f"No row names a photo for a node that loads a saved reference ({', '.join(LOADERS)}).")
    if faults:
        raise Faulty(faults)
    ((number, name),) = pictures
    target = Target(number, name, is_file=True)
    return [Job(photo, with_values(prompt, {target: photo}), (File(number, name, photo),)) for photo in sorted(photos)]


def files_of(report: Report, photos: Mapping[str, Sequence[str]], place: str) -> dict[str, str]:
    """The file of each photo. Raises Faulty that names every photo that gave none, and the rows that need it."""
    files, faults = dict[str, str](), list[str]()
    for photo, line in report.lines.items():
        saved = [name for name in line["pictures"] if name.endswith(SAVED)] if line else []
        if len(saved) == 1:
            files[photo] = f"{place}/{saved[0]}"
            continue
        reason = (line["error"] if line else "it is not encoded yet") or f"{len(saved)} references were saved, not one"
        faults.append(f"{photo}: {reason} (id {some(photos[photo])}).")
    if faults:
        raise Faulty(faults)
    return files


def with_files(jobs: Sequence[Job], files: Mapping[str, str]) -> list[Job]:
    """The jobs with the file of each photo in its place."""
    return [_with_files(job, files) for job in jobs]


def _with_files(job: Job, files: Mapping[str, str]) -> Job:
    given = tuple(
        replace(file, address=files[file.address]) if _is_photo(job, file) and file.address in files else file
        for file in job.files
    )
    values = {Target(file.node, file.input, is_file=True): file.address for file in given}
    return replace(job, prompt=with_values(job.prompt, values), files=given)


def _is_photo(job: Job, file: File) -> bool:
    return job.prompt[file.node]["class_type"] in LOADERS and not file.address.endswith(SAVED)
