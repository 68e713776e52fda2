"""Makes the world's models from nothing, one stage after another; LIKENESS_COMFYUI names the host.

python tests/miniature/world/make.py STATE_FOLDER autoencoder

A stage reads what those before it left in the folder; a stopped one goes on where it stood. With --people it makes the
models of tests/miniature/portraits: autoencoder, base, recogniser and instantid, in this order; the base model and
InstantID in two processes where `torchrun --nproc-per-node 2` starts this instead of `python`. It computes on a card
where there is one.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
TRAINED = ("ip_adapter", "instantid", "instantid_cosine")
MODULES = {name: name for name in ("autoencoder", "base", "encoder", "recogniser")} | dict.fromkeys(TRAINED, "adapters")


def main() -> None:
    form = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form.add_argument("folder", type=Path)
    form.add_argument("stage", choices=tuple(MODULES))
    form.add_argument("--people", action="store_true", help="the portraits' models, in a folder of their own")
    options = form.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(TESTS))
    import torch

    from miniature.make_adapters import load_package, reach

    reach(Path(os.environ.get("LIKENESS_COMFYUI", "")).resolve(), on_the_cpu=not torch.cuda.is_available())
    load_package("pack", TESTS.parent)
    import torch.distributed as dist
    from pack.attention.training import processes

    from miniature import portraits, world
    from miniature.world import files

    torch.set_num_threads(1)
    if dist.is_torchelastic_launched():
        dist.init_process_group("gloo")
    stage = importlib.import_module(f"{(portraits if options.people else world).__name__}.{MODULES[options.stage]}")
    if options.stage == MODULES[options.stage]:
        made = stage.make(options.folder)
        if processes.joined().first:
            files.keep(options.folder / f"{options.stage}.safetensors", made)
    else:
        stage.make(options.folder, options.stage)


if __name__ == "__main__":
    main()
