"""ComfyUI with a card that the CPU plays, and the miniatures that are loaded onto it."""

from contextlib import contextmanager
from functools import cache

import pytest
from running.played import MEMORY, Card, changes

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
def there(adapter_folder, load):
    """(what, ...) -> a model, or what a loader puts on its wire, of the card; made once."""
    from miniature import adapters, flux, models, wan
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.nodes.wires import LoadedAdapter

    def adapter(family, variant, seed=7):
        load(family, variant, seed)  # writes the file
        encoder = models.clip_vision(adapters.encoder_of(family, variant), 3)
        return LoadedAdapter(
            Adapter(checkpoint.read(adapter_folder / f"{family}-{variant}-{seed}.safetensors")), encoder
        )

    kinds = {
        "unet": lambda family: models.unet(family, SEED),
        "flux": lambda kind: flux.model(kind, SEED),
        "wan": lambda kind: wan.model(kind, SEED),
        "net": lambda: models.controlnet(4),
        "adapter": adapter,
    }
    return cache(lambda kind, *which: kinds[kind](*which))
