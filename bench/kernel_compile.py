"""Compiles every way that bench/kernel.py would try, on a machine without a card: what does not compile, and what it would take.

python bench/kernel_compile.py               # for compute capability 9.0; a minute or two
python bench/kernel_compile.py 80 86 120     # for others

Registers, bytes spilled of a thread and bytes of shared memory of a program decide how many programs a multiprocessor
holds at a time. What is right under Triton's interpreter need not compile: types are stricter there.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

PICTURES = ("16", "16 masked", "257")
CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"


def pretend(capability: int) -> None:
    """Let Triton compile for a card that is not there."""
    card = {
        "get_current_target": lambda: GPUTarget("cuda", capability, 32),
        "get_current_device": lambda: 0,
        "get_current_stream": lambda *_: 0,
        "get_active_torch_device": lambda: torch.device("meta"),
        "is_active": lambda: True,
    }
    driver.set_active(SimpleNamespace(**card))


def made(way: str, config: Any, what: str) -> Any:
    """What Triton compiles for a layer of SDXL and the tokens of a picture."""
    import kernel

    layer = kernel.LAYERS["sdxl 4096"]
    q = torch.empty(layer.rows, layer.queries, layer.heads * layer.width, dtype=torch.float16, device="meta")
    text, *pictures = (
        torch.empty(len(q), n, q.shape[-1], dtype=q.dtype, device="meta") for n in (77, *kernel.PICTURES[what])
    )
    mask = q[:1, :, :1] if "mask" in what else None
    parts = [kernel.Part(each, each, 1.0, 0.7, mask) for each in pictures]
    return kernel.prepared(way, q, 77, parts, layer.heads, config).compile(q, text, text, q)


def taken(compiled: Any) -> str:
    """Registers and spilled bytes of a thread, shared memory of a program."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        told = subprocess.run(
            [CUOBJDUMP, "--dump-resource-usage", file.name], capture_output=True, text=True, check=True
        )
    found = re.search(r"REG:(\d+) STACK:(\d+)", told.stdout)
    registers, spilled = found.groups() if found else ("?", "?")
    return f"registers {registers}, spilled {spilled}, shared {compiled.metadata.shared}"


def main() -> int:
    form = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form.add_argument("capabilities", nargs="*", type=int, default=[90])
    failed = 0
    for capability in form.parse_args().capabilities:
        pretend(capability)
        import kernel

        for one in (kernel.kernel.fused, kernel.variants.varied):
            one.device_caches.clear()  # for the one before
        for what in PICTURES:
            for way, config in kernel.configs(what):
                name = f"{capability}, {what}, {kernel.named(way, config)}"
                try:
                    print(f"{name}: {taken(made(way, config, what))}", flush=True)
                except Exception as error:  # noqa: BLE001  one that fails must not hide the others
                    failed += 1
                    print(f"{name}: FAILED, {type(error).__name__}: {str(error)[-300:]}", flush=True)
    print(f"{failed} failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
