"""Makes the world's models from nothing, one stage after another; LIKENESS_COMFYUI names the host.

python tests/miniature/world/make.py STATE_FOLDER autoencoder

A stage reads what those before it left in the folder; a stopped one goes on where it stood.
"""

import argparse
import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]


def main() -> None:
    form = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form.add_argument("folder", type=Path)
    stages = ("autoencoder", "base", "encoder", "recogniser", "ip_adapter", "instantid", "instantid_cosine")
    form.add_argument("stage", choices=stages)
    options = form.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(TESTS))
    from miniature.make_adapters import load_package, reach

    reach(Path(os.environ.get("LIKENESS_COMFYUI", "")).resolve())
    load_package("pack", TESTS.parent)
    import torch

    from miniature.world import adapters, autoencoder, base, encoder, files, recogniser

    torch.set_num_threads(1)
    if options.stage in adapters.SETTINGS:
        adapters.make(options.folder, options.stage)
    else:
        made = {"autoencoder": autoencoder, "base": base, "encoder": encoder, "recogniser": recogniser}[options.stage]
        files.keep(options.folder / f"{options.stage}.safetensors", made.make(options.folder))


if __name__ == "__main__":
    main()
