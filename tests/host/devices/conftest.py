"""ComfyUI with a card that the CPU plays, and the miniatures that are loaded onto it."""

import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from running.played import MEMORY, Card, changes

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
SEED = 1


@pytest.fixture
def played():
    """(bytes it has free) -> a context in which ComfyUI computes on the card; gives the card."""

    @contextmanager
    def entered(free=MEMORY):
        import comfy.model_management

        with pytest.MonkeyPatch.context() as patched, Card() as card:
            patched.setenv("LIKENESS_FUSED", "0")  # the kernel is for a card's own memory
            for change in changes(free):
                patched.setattr(*change)
            yield card
            comfy.model_management.unload_all_models()

    return entered


@pytest.fixture(scope="session")
def there(tmp_path_factory):
    """(what, ...) -> a model, or what a loader puts on its wire, of the card; made once."""
    from miniature import adapters, flux, models, wan
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.nodes.wires import LoadedAdapter

    folder = tmp_path_factory.mktemp("there")

    def adapter(family, variant, seed=7):
        path = folder / f"{family}-{variant}-{seed}.safetensors"
        if family == "flux":
            flux.write_adapter(variant, seed, path)
        else:
            adapters.write_safetensors(adapters.adapter_state_dict(family, variant, seed), path)
        encoder = models.clip_vision(adapters.encoder_of(family, variant), 3)
        return LoadedAdapter(Adapter(checkpoint.read(path)), encoder)

    kinds = {
        "unet": lambda family: models.unet(family, SEED),
        "flux": lambda kind: flux.model(kind, SEED),
        "wan": lambda kind: wan.model(kind, SEED),
        "net": lambda: models.controlnet(4),
        "adapter": adapter,
    }
    return cache(lambda kind, *which: kinds[kind](*which))
