"""What `run.py train` can be told, and what is wrong with it before anything is started."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ..problems import Problem
from .recipe import RECIPE
from .seats import Seat

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
"""What the host's Load Image-Text (from Folder) takes for a picture."""

OPTIONS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "--pictures": {
            "type": Path,
            "required": True,
            "metavar": "FOLDER",
            "help": "pictures, each with its caption in a .txt of the same name; a references.csv among them (file, and subject "
            "or pair) says whose picture is whose reference. Or what run.py encode has made of them",
        },
        "--name": {"required": True, "help": "name of the adapter to make"},
        "--base-model": {
            "type": Path,
            "metavar": "FILE",
            "help": "the checkpoint to train for (SD1.5, SDXL, Segmind Vega); without it, a trial "
            "training of small random models",
        },
        "--clip-vision": {"type": Path, "metavar": "FILE", "help": "the image encoder that the adapter will read"},
        "--start-from": {
            "type": Path,
            "metavar": "FILE",
            "help": "adapter to begin from, of the same variant, model family and image encoder (default: a new one)",
        },
        "--variant": {
            "choices": ("base", "plus", "instantid"),
            "default": "base",
            "help": "an IP-Adapter of 4 tokens or 16, or an InstantID with its IdentityNet, for which the largest face of each "
            "picture is found (default: base)",
        },
        "--start-control-net": {
            "type": Path,
            "metavar": "FILE",
            "help": "for instantid: the IdentityNet to begin from",
        },
        "--face-models": {
            "metavar": "PACK",
            "help": "for instantid: the folder with an InsightFace pack, or its name in models/insightface/models (default: "
            "antelopev2)",
        },
        "--any-recogniser": {
            "action": "store_const",
            "const": True,
            "help": "for instantid: accept a pack whose recogniser is not antelopev2's; what is trained reads that one alone",
        },
        "--caption": {
            "metavar": "TEXT",
            "help": "caption of pictures without a .txt (default: none; for instantid 'a photo of a person')",
        },
        "--steps": {"type": int, "default": 1000, "help": "updates of the weights (default: 1000)"},
        "--batch-size": {"type": int, "default": 8, "help": "pictures in memory at a time (default: 8)"},
        "--accumulation": {"type": int, "default": 1, "help": "batches that make one step (default: 1)"},
        "--learning-rate": {"type": float, "default": 1e-4, "help": "default: 0.0001"},
        "--side": {
            "type": int,
            "help": "pictures are resized and cropped to about this many pixels squared (default: 512 for checkpoints "
            "below 4 GB, else 1024; 64 for the small models)",
        },
        "--look-every": {"type": int, "help": "steps between sample pictures (default: four in all)"},
        "--look-prompts": {
            "type": Path,
            "metavar": "FILE",
            "help": "prompts for the sample pictures, one a line (default: the first picture's caption)",
        },
        "--precision": {
            "choices": ("bf16", "fp32", "fp16"),
            "default": "bf16",
            "help": "precision of the frozen model: fp16 for cards without bf16, fp32 for the CPU (default: bf16)",
        },
        "--seed": {"type": int, "default": 0, "help": "default: 0"},
        "--gpus": {
            "type": int,
            "metavar": "N",
            "help": "train in N processes, each on a GPU of its own (without any, on the processors), which share the batches of "
            "--accumulation; N must divide it (default: one process)",
        },
        "--shard": {
            "action": "store_true",
            "help": "for instantid in several processes: each keeps a share of the IdentityNet's weights, gradients and optimizer "
            "in place of all of them. Tried on processors only",
        },
        "--restarts": {
            "type": int,
            "default": 3,
            "metavar": "N",
            "help": "how often the processes of --gpus are started again when one of them dies (default: 3)",
        },
    }
)
INSTANTID = "instantid"
LESSON = "lesson.json"
PERSON = "a photo of a person"
LARGE = 4 << 30  # bytes: SDXL's checkpoints have more, SD1.5's less
SIDES = {"miniature": 64, "small": 512, "large": 1024}


def add_to(form: argparse.ArgumentParser) -> None:
    """Put every option on a command's form."""
    for name, how in {**OPTIONS, **RECIPE}.items():
        form.add_argument(name, **how)


def check(options: argparse.Namespace, seat: Seat | None = None) -> None:
    """Raise Problem when a file or folder is not there, or they do not go together; `seat` is a launcher's."""
    _check_shares(options, seat)
    _check_shards(options, seat)
    check_models(options)
    for name in ("base_model", "clip_vision", "start_from", "start_control_net", "look_prompts"):
        file = getattr(options, name)
        if file and not file.is_file():
            raise Problem(f"{file} is not a file.", f"give --{name.replace('_', '-')} the file itself.")
    if is_lesson(options.pictures):
        return
    if not options.pictures.is_dir():
        raise Problem(f"{options.pictures} is not a folder.", "give --pictures the folder that contains your pictures.")
    if not pictures_in(options.pictures):
        raise Problem(
            f"There are no pictures in {options.pictures} ({', '.join(PICTURES)}).",
            "put them there or into folders directly below, each with its caption in a .txt of the same name.",
        )


def check_models(options: argparse.Namespace) -> None:
    """Raise Problem when the models that a variant needs are not given, or others are."""
    if options.variant == INSTANTID:
        if options.clip_vision:
            raise Problem("--clip-vision is given for instantid, which reads faces.", "leave it out.")
        return
    if any((options.face_models, options.any_recogniser)):
        raise Problem(f"--face-models is for instantid; {options.variant} reads pictures.", "leave it out.")
    # A lesson has been seen by the encoder already.
    if bool(options.base_model) != bool(options.clip_vision) and not is_lesson(options.pictures):
        given, lacking = sorted(("--base-model", "--clip-vision"), key=lambda n: not _given(options, n))
        raise Problem(
            f"{given} is given without {lacking}.", "give both, or neither for a trial training of small random models."
        )


def is_lesson(pictures: object) -> bool:
    """Whether this is a folder that `run.py encode` has made."""
    return isinstance(pictures, Path) and (pictures / LESSON).is_file()


def _check_shares(options: argparse.Namespace, seat: Seat | None) -> None:
    if options.gpus is not None and seat is not None:
        raise Problem(
            "--gpus starts processes, but this is already one of several.", "leave it out under torchrun or srun."
        )
    count = seat.count if seat is not None else options.gpus
    parts = options.accumulation
    if count is not None and (count < 1 or parts % count):
        fitting = ", ".join(str(number) for number in range(1, parts + 1) if parts % number == 0)
        raise Problem(
            f"A step has {parts} parts (--accumulation), which {count} processes cannot share evenly.",
            f"start one of {fitting} processes, or set --accumulation to a multiple of their number.",
        )


def _check_shards(options: argparse.Namespace, seat: Seat | None) -> None:
    count = seat.count if seat is not None else options.gpus or 1
    if options.shard and options.variant != INSTANTID:
        raise Problem(f"--shard shares out an IdentityNet, and {options.variant} has none.", "leave it out.")
    if options.shard and count == 1:
        raise Problem(
            "--shard shares out an IdentityNet among processes, and this is one.", "add --gpus N, or leave it out."
        )
    if options.shard and options.precision == "fp16":
        raise Problem("--shard does not go with fp16, whose gradients are scaled.", "train in bf16 or fp32.")


def _given(options: argparse.Namespace, name: str) -> bool:
    return bool(getattr(options, name.removeprefix("--").replace("-", "_")))


def pictures_in(folder: Path) -> list[Path]:
    """The pictures that the host will find: in the folder and in those directly below."""
    found = [path for path in (*folder.glob("*"), *folder.glob("*/*")) if path.suffix.lower() in PICTURES]
    return sorted(path for path in found if path.is_file())


def side_for(options: argparse.Namespace) -> int:
    """The side of the buckets in pixels."""
    if options.side:
        return options.side
    if not options.base_model:
        return SIDES["miniature"]
    return SIDES["large" if options.base_model.stat().st_size > LARGE else "small"]
