"""Feeds our readers with made-up files, led by what code each file reaches, for a time or for a number of files.

    bin/python tests/fuzz/fuzz.py checkpoint --seconds 600
    bin/python tests/fuzz/fuzz.py checkpoint embeds keypoints --files 2000

Whatever is not read must be refused by a ValueError that names the file; anything else ends the run, prints the
traceback and leaves the file as `crash-...` in the folder given by --keep. Needs atheris, which has wheels for Linux.
"""

import argparse
import importlib.util
import io
import json
import os
import resource
import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]


def with_the_pack():
    """Load the host and the pack as the tests do, the pack with counters in its code."""
    spec = importlib.util.spec_from_file_location("tests_conftest", ROOT / "tests" / "conftest.py")
    conftest = importlib.util.module_from_spec(spec)
    with atheris.instrument_imports(include=["pack"]):
        spec.loader.exec_module(conftest)
        import pack.attention.adapter.checkpoint
        import pack.attention.catalogue.installed
        import pack.attention.reference.embeds_file
        import pack.face.pose
        import pack.nodes.files.faces_file  # noqa: F401


def small_adapter(container):
    """The smallest adapter that is whole, as bytes."""
    import safetensors.torch
    import torch
    from miniature.adapters import flat

    content = {
        "image_proj": {
            **{"proj.weight": torch.ones(8, 2), "proj.bias": torch.ones(8)},
            **{"norm.weight": torch.ones(2), "norm.bias": torch.ones(2)},
        },
        "ip_adapter": {f"{i}.to_{kind}_ip.weight": torch.ones(2, 2) for i in range(1, 32, 2) for kind in "kv"},
    }
    if container == "safetensors":
        return safetensors.torch.save(flat(content))
    out = io.BytesIO()
    torch.save(content, out, _use_new_zipfile_serialization=container == "zip")
    return out.getvalue()


def small_embeds():
    import torch
    from pack.attention.reference.embeds import Embeds
    from pack.attention.reference.embeds_file import save

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.likeness.safetensors")
        save(path, Embeds(face=torch.ones(1, 4), penultimate=torch.ones(1, 2, 3), encoder="some"))
        tensor = io.BytesIO()
        torch.save(torch.ones(1, 4), tensor)
        return path.read_bytes(), tensor.getvalue()


def reads_files(readers, suffixes):
    """A target: the first byte chooses the suffix, the others are the file."""
    scratch = Path(tempfile.mkdtemp(prefix="fuzz", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))

    def one(data):
        if not data:
            return
        path = scratch / f"stranger{suffixes[data[0] % len(suffixes)]}"
        path.write_bytes(data[1:])
        for read in readers:
            try:
                read(path)
            except ValueError as error:
                assert path.name in str(error), f"the error does not name the file: {error}"
                assert len(str(error)) < 1000, "the error is too long to be read"

    return one


def checkpoint():
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.attention.catalogue.installed import adapter_file

    readers = (lambda path: Adapter(checkpoint.read(path)), lambda path: adapter_file(path.name, path))
    seeds = [bytes([i]) + small_adapter(kind) for i, kind in enumerate(("safetensors", "zip", "old"))]
    return reads_files(readers, (".safetensors", ".bin", ".pt")), seeds


def embeds():
    from pack.attention.reference.embeds_file import SUFFIX, load

    seeds = [bytes([i]) + content for i, content in enumerate(small_embeds())]
    return reads_files((load,), (SUFFIX, ".ipadpt")), seeds


def small_faces():
    import numpy as np
    from pack.face.value import Face, Picture, PictureFaces, Rung, frozen
    from pack.nodes.files.faces_file import save
    from pack.nodes.files.saved_files import FACES

    shot = Picture(0, 1, (128, 128), "ab" * 16)
    face = Face(shot, frozen([1, 2, 3, 4]), frozen(np.eye(5, 2)), 0.5, Rung(), oval=frozen(np.eye(3, 2)))
    known = [Face(shot, face.box, face.keypoints, 0.5, Rung(), embedding=frozen(np.ones(512)), recogniser="ResNet100")]
    for faces in ([face], known, [face, *known]):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"a{FACES.suffix}")
            save(path, (PictureFaces(shot, tuple(faces)),))
            yield path.read_bytes()


def faces():
    from pack.nodes.files.faces_file import load
    from pack.nodes.files.saved_files import FACES

    return reads_files((load,), (FACES.suffix,)), [bytes([0]) + content for content in small_faces()]


def keypoints():
    from pack.face.pose import from_json

    def one(data):
        try:
            from_json(data.decode("utf-8", "surrogateescape"))
        except ValueError as error:
            assert 0 < len(str(error)) < 1000

    face = [[1, 2.5], [3, -4], [5e1, 6], [7, 8], [9, 10]]
    return one, [json.dumps({"width": 64, "height": 64, "faces": faces}).encode() for faces in ([], [face], [face] * 2)]


TARGETS = {"checkpoint": checkpoint, "embeds": embeds, "faces": faces, "keypoints": keypoints}


def fuzz(target, options):
    """Never returns: the fuzzer ends the process."""
    one, seeds = TARGETS[target]()
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            Path(corpus, str(number)).write_bytes(seed)
        # What counts is the peak of this process, and that begins at its parent's.
        inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        limits = [f"-rss_limit_mb={inherited + 6000}", "-timeout=60", "-max_len=8192"]
        atheris.Setup([sys.argv[0], *options, *limits, "-print_final_stats=1", "-verbosity=1", corpus], one)
        atheris.Fuzz()


def in_a_process_of_its_own(target, options):
    """Its exit status. What is loaded and counted is loaded once for all."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        fuzz(target, options)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main():
    parser = argparse.ArgumentParser(description="Feeds our readers with made-up files.")
    parser.add_argument("targets", choices=TARGETS, nargs="+")
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--files", type=int, default=-1, help="stop after so many, however long they take")
    parser.add_argument("--keep", type=Path, default=Path("fuzz"), help="what ends a run is left here")
    wanted = parser.parse_args()
    with_the_pack()
    wanted.keep.mkdir(parents=True, exist_ok=True)
    until = f"-max_total_time={wanted.seconds}" if wanted.files < 0 else f"-runs={wanted.files}"
    options = [until, f"-artifact_prefix={wanted.keep}/"]
    ends = {target: in_a_process_of_its_own(target, options) for target in wanted.targets}
    sys.exit(", ".join(f"{target} ended with {status}" for target, status in ends.items() if status) or 0)


if __name__ == "__main__":
    main()
