"""Files that somebody made to be misread: by name, a function that writes one to a path."""

import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict

import safetensors.torch
import torch
from miniature import adapters

GIB = 1 << 30


def safetensors_header(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(2, 2), offsets=(0, 16)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def sparse(path, size, head=b""):
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)


KEY = "ip_adapter.1.to_k_ip.weight"
ANY_SUFFIX = {
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(b"\x80"),
    "text": lambda path: path.write_text("<html>404 not found</html>"),
    "a picture": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200)),
    "a pointer of Git LFS": lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\nsize 45\n"),
    "2 GB of nothing": lambda path: sparse(path, 2 * GIB),
    "a directory": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a link to nothing": lambda path: path.symlink_to(path.with_name("gone")),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "not there": lambda path: None,
}
HEADERS = {
    "a header longer than the file": lambda path: path.write_bytes(safetensors_header({}, length=1 << 20)),
    "a header of 2^62 bytes": lambda path: path.write_bytes(safetensors_header({}, length=1 << 62)),
    "a header of 2 GB": lambda path: sparse(path, 2 * GIB + 8, struct.pack("<Q", 2 * GIB)),
    "a header that is no JSON": lambda path: path.write_bytes(safetensors_header(b"{" * 64)),
    "a header that is a list": lambda path: path.write_bytes(safetensors_header([1, 2])),
    "a header nested 100,000 deep": lambda path: path.write_bytes(safetensors_header(b"[" * 100_000)),
    "no tensors": lambda path: path.write_bytes(safetensors_header({})),
    "an unknown type": lambda path: path.write_bytes(safetensors_header({KEY: entry("F99")}, bytes(16))),
    "a shape that overflows": lambda path: path.write_bytes(
        safetensors_header({KEY: entry(shape=(2**62, 2**62))}, bytes(16))
    ),
    "a negative shape": lambda path: path.write_bytes(safetensors_header({KEY: entry(shape=(-2, -2))}, bytes(16))),
    "a tensor beyond the end": lambda path: path.write_bytes(
        safetensors_header({KEY: entry(offsets=(1 << 40, (1 << 40) + 16))}, bytes(16))
    ),
    "tensors over each other": lambda path: path.write_bytes(
        safetensors_header({KEY: entry(), KEY.replace("_k_", "_v_"): entry(offsets=(8, 24))}, bytes(24))
    ),
    "an integer for a tensor": lambda path: path.write_bytes(safetensors_header({KEY: 7})),
}


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def traps(marker):
    """Pickles that make `marker` when they are loaded by an unpickler that runs code."""
    return {
        "of os.system": Runs(os.system, f"touch '{marker}'"),
        "of eval": Runs(eval, f"open({str(marker)!r}, 'w').close()"),
        "of exec": Runs(exec, f"open({str(marker)!r}, 'w').close()"),
        "of open": Runs(open, str(marker), "w"),
        "inside the named tensors": {
            "image_proj": OrderedDict(x=torch.zeros(1)),
            "ip_adapter": Runs(os.system, f"touch '{marker}'"),
        },
        "as a key": {Runs(os.mkdir, str(marker)): torch.zeros(1)},
    }


def archived(content, path, compression=zipfile.ZIP_STORED, data=None):
    """A torch archive with a pickle of our own making."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
        for name, contents in (data or {}).items():
            archive.writestr(f"archive/data/{name}", contents)


def old_format(content, path, tail=b""):
    """A torch file in the form before archives, with a pickle of our own making."""
    head = b"".join(pickle.dumps(part, protocol=2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    path.write_bytes(head + content + tail)


CONTAINERS = {"archive": archived, "old format": old_format, "bare": lambda content, path: path.write_bytes(content)}


def write_trap(trap, container, path):
    CONTAINERS[container](pickle.dumps(trap, protocol=2), path)


def tensor_pickle(size, stride, elements, key="0"):
    """The pickle of {'image_proj': {'x': tensor}, 'ip_adapter': {'x': tensor}} with sizes of our own choice."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, found):
            return found.pid if isinstance(found, Storage) else None

    class Storage:
        pid = ("storage", torch.FloatStorage, key, "cpu", elements)

    class Tensor:
        def __reduce__(self):
            hooks = OrderedDict()
            return torch._utils._rebuild_tensor_v2, (Storage(), 0, size, stride, False, hooks)

    import io

    out = io.BytesIO()
    Pickler(out, protocol=2).dump({"image_proj": {"x": Tensor()}, "ip_adapter": {"x": Tensor()}})
    return out.getvalue()


def shared_dictionaries(depth):
    """A few hundred bytes that name 2^depth tensors."""
    inner = {"x": torch.zeros(1)}
    for _ in range(depth):
        inner = {"a": inner, "b": inner}
    return inner


def nested_dictionaries(depth):
    """A pickle of dictionaries in dictionaries, `depth` of them, without recursion in writing it."""
    return b"\x80\x02" + b"}X\x01\x00\x00\x00a" * depth + b"}" + b"s" * depth + b"."


def holds_itself(path):
    content = {}
    content["image_proj"] = content["ip_adapter"] = content
    torch.save(content, path)


def memo_bomb(index):
    """A pickle of a few bytes that asks for room for `index` remembered objects."""
    return b"\x80\x02}r" + struct.pack("<I", index) + b"."


def damaged_compression(path, method):
    """An archive whose list of tensors is compressed, and not as its method says."""
    archived(bytes(range(256)) * 40, path, method)
    content = bytearray(path.read_bytes())
    start = content.index(b"data.pkl") + len(b"data.pkl")
    content[start : start + 40] = b"\x07" * 40
    path.write_bytes(content)


PICKLES = {
    "damaged deflation": lambda path: damaged_compression(path, zipfile.ZIP_DEFLATED),
    "damaged LZMA": lambda path: damaged_compression(path, zipfile.ZIP_LZMA),
    "damaged BZIP2": lambda path: damaged_compression(path, zipfile.ZIP_BZIP2),
    "room for 2^27 objects": lambda path: archived(memo_bomb(1 << 27), path),
    "room for 2^27 objects, old format": lambda path: old_format(memo_bomb(1 << 27), path),
    "a string of 2^40 bytes": lambda path: archived(b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40), path),
    "2^24 names for one tensor": lambda path: torch.save(shared_dictionaries(24), path),
    "a dictionary that holds itself": holds_itself,
    "dictionaries 20,000 deep": lambda path: archived(nested_dictionaries(20_000), path),
    "dictionaries 20,000 deep, old format": lambda path: old_format(nested_dictionaries(20_000), path),
    "a tensor of 4 TB on 4 bytes": lambda path: archived(
        tensor_pickle((1 << 20, 1 << 20), (0, 0), 1), path, data={"0": bytes(4)}
    ),
    "a tensor without data": lambda path: archived(tensor_pickle((2, 2), (2, 1), 4), path),
    "a tensor larger than its data": lambda path: archived(
        tensor_pickle((9, 9), (9, 1), 4), path, data={"0": bytes(16)}
    ),
    "a negative size": lambda path: archived(tensor_pickle((-2, 2), (2, 1), 4), path, data={"0": bytes(16)}),
    "data that is compressed": lambda path: archived(
        tensor_pickle((1 << 26,), (1,), 1 << 26), path, zipfile.ZIP_DEFLATED, {"0": bytes(1 << 28)}
    ),
    "an archive without a pickle": lambda path: zipfile.ZipFile(path, "w").close(),
    "a name that leaves the archive": lambda path: archived(
        tensor_pickle((2, 2), (2, 1), 4, "../../../etc/passwd"), path, data={"0": bytes(16)}
    ),
    "a list": lambda path: torch.save([torch.zeros(2)], path),
    "numbers for names": lambda path: torch.save({1: torch.zeros(2), 2: torch.zeros(2)}, path),
    "None": lambda path: torch.save(None, path),
}


def changed(nested, part, key, change):
    """A whole adapter with one tensor replaced."""
    content = {name: dict(tensors) for name, tensors in nested.items()}
    content[part][key] = change(content[part][key].clone())
    return content


def with_value(value):
    def change(tensor):
        tensor.flatten()[-1] = value
        return tensor

    return change


WEIGHTS = {
    "NaN in the projection": ("image_proj", "proj.0.weight", with_value(float("nan"))),
    "infinity in the projection": ("image_proj", "norm.bias", with_value(float("inf"))),
    "NaN in a key": ("ip_adapter", "1.to_k_ip.weight", with_value(float("nan"))),
    "minus infinity in a value": ("ip_adapter", "31.to_v_ip.weight", with_value(float("-inf"))),
    "NaN in the LoRA": ("ip_adapter", "0.to_q_lora.up.weight", with_value(float("nan"))),
    "whole numbers for a key": ("ip_adapter", "1.to_k_ip.weight", lambda t: t.to(torch.int32)),
    "truth values for a key": ("ip_adapter", "3.to_v_ip.weight", lambda t: t.bool()),
    "a key without sides": ("ip_adapter", "1.to_k_ip.weight", lambda t: torch.tensor(1.0)),
    "a key with one side": ("ip_adapter", "1.to_k_ip.weight", lambda t: t[0]),
    "a key with no rows": ("ip_adapter", "1.to_k_ip.weight", lambda t: t[:0]),
    "a value turned": ("ip_adapter", "1.to_v_ip.weight", lambda t: t.T.contiguous()),
    "a LoRA with one side": ("ip_adapter", "0.to_q_lora.up.weight", lambda t: t[0]),
    "a LoRA whose halves differ": ("ip_adapter", "0.to_q_lora.up.weight", lambda t: t[:, :3].contiguous()),
    "a norm of another width": ("image_proj", "norm.weight", lambda t: t[:7]),
    "a norm with two sides": ("image_proj", "norm.weight", lambda t: t[None]),
    "a projection with one side": ("image_proj", "proj.2.weight", lambda t: t[0]),
}


def write(content, path):
    """A nested state dict in the container that the name of the file says."""
    if path.suffix == ".safetensors":
        safetensors.torch.save_file({k: t.contiguous() for k, t in adapters.flat(content).items()}, path)
    else:
        torch.save(content, path)
