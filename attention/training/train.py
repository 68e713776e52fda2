"""A model and a dataset -> a trained adapter, or an IdentityNet with its adapter, and their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from comfy.model_patcher import ModelPatcher

from .dataset import Dataset
from .export import ModelFile, adapter_tensors, checkpoint_of, identitynet_tensors, save_together
from .frozen import FrozenModel, frozen, settled
from .loop import Trained, Trainer
from .means import Means, means_for
from .new_adapter import identity_of, new_adapter, variant_named
from .new_identitynet import new_identitynet
from .settings import Settings
from .start import Start
from .trainee import Trainee

INSTANTID = "instantid"


def trainer_for(
    model: ModelPatcher,
    dataset: Dataset,
    variant: str,
    settings: Settings,
    start: Start | None = None,
    means: Means | None = None,
) -> Trainer:
    """A training of an adapter of a variant for a model, new or from `start`; for 'instantid' of an IdentityNet beside it.

    Call it outside inference mode. Raises ValueError for a model without a known layout, for a variant that cannot be
    trained, for a dataset without the features it reads, and for a start that does not fit.
    """
    features = [dataset.no_picture.feature(name) for name in variant_named(variant).features]
    means = means or means_for(model.load_device)
    base = frozen(model, settings.precision, means)
    adapter = new_adapter(base.layers, base.unet, variant, features[0].shape[-1], settings.seed)
    net = new_identitynet(unet_config(base), base.unet, settings.seed) if variant == INSTANTID else None
    trainee = Trainee(adapter, identity_of(base.layers, variant), net)
    begun = start.put_into(trainee) if start is not None else ""
    base = settled(base)
    return Trainer(base, trainee, dataset, settings, begun, means)


def unet_config(base: FrozenModel) -> dict[str, Any]:
    """The arguments of the host's class that make the model's UNet."""
    return dict(base.model.model_config.unet_config)


def save_adapter(path: Path, trainer: Trainer, trained: Trained, told: Mapping[str, object]) -> None:
    """Write the adapter as published files are, half precision; what it was made from stands in its header."""
    save_together([_adapter(path, trainer, trained, told)])


def save_identitynet(path: Path, trainer: Trainer, trained: Trained, told: Mapping[str, object]) -> None:
    """Write the IdentityNet in diffusers' names, half precision."""
    save_together([_identitynet(path, trainer, trained, told)])


def save_instantid(
    adapter: Path, identitynet: Path, trainer: Trainer, trained: Trained, told: Mapping[str, object]
) -> None:
    """Write both files of InstantID, or none of them."""
    files = (_adapter(adapter, trainer, trained, told), _identitynet(identitynet, trainer, trained, told))
    save_together(files)


def save_trained(paths: Sequence[Path], trainer: Trainer, trained: Trained, told: Mapping[str, object]) -> None:
    """Write the adapter to the first path and, where one was trained, the IdentityNet to the second: both or none."""
    made = (_adapter, _identitynet)[: len(paths)]
    save_together([file(path, trainer, trained, told) for file, path in zip(made, paths, strict=True)])


def _adapter(path: Path, trainer: Trainer, trained: Trained, told: Mapping[str, object]) -> ModelFile:
    tensors = adapter_tensors(checkpoint_of(trained.weights, path.name))
    return ModelFile(path, tensors, {**_origin(trainer, trained), **told})


def _identitynet(path: Path, trainer: Trainer, trained: Trained, told: Mapping[str, object]) -> ModelFile:
    tensors = identitynet_tensors(trained.weights, unet_config(trainer.frozen))
    return ModelFile(path, tensors, {**_origin(trainer, trained), **told})


def _origin(trainer: Trainer, trained: Trained) -> dict[str, object]:
    identity = trainer.trainee.identity
    return {
        "variant": identity.variant.name,
        "base_model": identity.family.label,
        "base_model_weights": trainer.frozen.fingerprint,
        "steps": str(len(trained.losses)),
        "pictures": str(len(trainer.dataset.examples)),
        "settings": asdict(trainer.settings),
    }
