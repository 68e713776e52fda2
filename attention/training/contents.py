"""What is trained on -> a hash that tells it from anything else."""

from __future__ import annotations

from ..cache import digest
from .dataset import Dataset, Kept
from .references import more_references


def contents(dataset: Dataset) -> str:
    """A hash of what is trained on."""
    if isinstance(dataset.examples, Kept):
        return dataset.examples.contents
    latents = [example.latent for example in dataset.examples]
    features = [example.embeds.feature(name) for example in dataset.examples for name in example.embeds.names]
    texts = [example.text[0] for example in dataset.examples]
    return digest(*latents, *features, *texts, *more_references(dataset))
