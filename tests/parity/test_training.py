"""What the trainer writes, read by diffusers and by our own loader: the same step, within the limit of every other file."""

import json
from functools import cache

import pytest
import safetensors
import safetensors.torch
import torch
from oracles import authors
from oracles.adapters import Adapter, Use
from oracles.controlnets import PUBLISHED, ControlNetModel, host_controlnet
from oracles.projections import Projection, negative_features, positive_features
from oracles.references import with_authors, with_diffusers
from oracles.steps import diffusers_step, host_step, inputs
from oracles.unets import FAMILIES, twin
from ours import UNDECIDED
from pack.attention.adapter.adapter import Adapter as LoadedFile
from pack.attention.adapter.checkpoint import read
from pack.attention.reference.embeds import Embeds
from pack.attention.training.dataset import Dataset, Example
from pack.attention.training.export import identitynet_names
from pack.attention.training.loop import Watch
from pack.attention.training.new_adapter import parameter_count
from pack.attention.training.new_identitynet import network_for, read_identitynet
from pack.attention.training.settings import Settings
from pack.attention.training.train import (
    save_adapter,
    save_identitynet,
    save_instantid,
    trainer_for,
    unet_config,
)
from pack.nodes.wires import LoadedAdapter
from test_oracles import changes

SETTINGS = Settings(steps=2, batch_size=2, learning_rate=1e-2, precision="fp32", checkpointing=False)


def dataset(both, variant):
    """Two seeded pictures for the small UNet, their features as wide as published."""
    given = inputs(both)
    text = [given.positive, {"pooled_output": given.pooled_positive}]
    hint = torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(1)) if variant == "instantid" else None
    examples = tuple(
        Example(given.latent[0] * (number + 1), text, Embeds(**positive_features(variant, 1, number)), hint)
        for number in range(2)
    )
    return Dataset(
        examples, [given.negative, {"pooled_output": given.pooled_negative}], Embeds(**negative_features(variant))
    )


@cache
def trained(family, variant):
    both = twin(family)
    with torch.inference_mode(False):
        made = trainer_for(both.patcher, dataset(both, variant), variant, SETTINGS)
        return both, made, made.run(Watch())


# The authors' modules at the widths that the trainer takes for the small UNets.
MODULES = {
    "base": lambda c: authors.base(c, 1024),
    "plus": lambda c: authors.plus(c, c, c // 64),
    "instantid": lambda c: authors.plus(c, c, c // 64, encoder=512),
}


def as_oracle(path, family, variant):
    """A file of ours as the oracles hold an adapter: the authors' own module with the file's weights."""
    parts = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in safetensors.torch.load_file(path).items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor.float()
    module = MODULES[variant](twin(family).family.context_dim)
    module.load_state_dict(parts["image_proj"], strict=True)
    return Adapter(variant, family, Projection(variant, module.eval()), parts["ip_adapter"], None)


@pytest.mark.parametrize(("family", "variant"), [("sd15", "base"), ("sd15", "plus"), ("sdxl", "instantid")])
def test_a_trained_file_is_the_same_in_diffusers(family, variant, loader, agrees, tmp_path):
    both, made, result = trained(family, variant)
    path = tmp_path / "trained.safetensors"
    save_adapter(path, made, result, {})
    adapter = as_oracle(path, family, variant)
    kind = variant if variant in UNDECIDED else "auto"
    loader.loaded[id(adapter)] = LoadedAdapter(LoadedFile(read(path), kind))
    each = Use(adapter, positive_features(variant), negative_features(variant), 0.8)
    given = inputs(both)
    found = host_step(loader.steered(both.patcher, [each]), given)
    effect = changes(found, diffusers_step(both, given))
    for oracle, step in (
        ("diffusers", with_diffusers(both, given, [each])),
        ("authors", with_authors(both, given, each)),
    ):
        agrees(f"whole step, {variant}, trained here", family, oracle, found.difference(step), effect=effect)


def test_a_trained_identitynet_is_read_by_diffusers(tmp_path):
    """Its names are diffusers' own, and by the host's rules they are the weights that were trained."""
    _, made, result = trained("sdxl", "instantid")
    path = tmp_path / "trained.safetensors"
    save_identitynet(path, made, result, {})
    spec = FAMILIES["sdxl"]
    arguments = {name: value for name, value in spec.diffusers.items() if name != "up_block_types"}
    model = ControlNetModel(**arguments)
    model.load_state_dict({name: tensor.float() for name, tensor in safetensors.torch.load_file(path).items()})
    read_back = host_controlnet(spec, model).control_model.state_dict()
    trained_net = {n.removeprefix("identitynet."): t for n, t in result.weights.items() if n.startswith("identitynet.")}
    assert read_back.keys() == trained_net.keys()
    assert all(torch.equal(tensor, trained_net[name].cpu().half().float()) for name, tensor in read_back.items())
    assert all(trained_net[f"zero_convs.{i}.0.weight"].any() for i in range(9))


def test_the_pack_reads_back_what_it_wrote(tmp_path):
    """Both files appear together; the adapter says that it is InstantID's, the net has the trained weights."""
    _, made, result = trained("sdxl", "instantid")
    adapter, net = tmp_path / "a" / "mine.safetensors", tmp_path / "b" / "mine.safetensors"
    save_instantid(adapter, net, made, result, {})
    loaded = LoadedFile(read(adapter))  # by its keys alone it could be FaceID portrait unnorm
    assert (loaded.identity.variant.name, loaded.identity.reason) == (
        "instantid",
        "what its header says it was trained as",
    )
    read_back = read_identitynet(net, unet_config(made.frozen)).control_model.state_dict()
    given = {n.removeprefix("identitynet."): t for n, t in result.weights.items() if n.startswith("identitynet.")}
    assert read_back.keys() == given.keys()
    assert all(torch.equal(tensor.half(), given[name].cpu().half()) for name, tensor in read_back.items())
    with pytest.raises(ValueError, match=r"'mine.safetensors' is not an IdentityNet for this model"):
        read_identitynet(adapter, unet_config(made.frozen))


def test_both_files_are_written_or_none(tmp_path):
    _, made, result = trained("sdxl", "instantid")
    blocked = tmp_path / "b"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(OSError):
        save_instantid(tmp_path / "mine.safetensors", blocked / "mine.safetensors", made, result, {})
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_full_sized_identitynet_has_the_published_weights():
    """By name and shape those of diffusers' model as InstantID configured it: 1,251,014,160 numbers."""
    import comfy.model_detection

    with torch.device("meta"):
        published = ControlNetModel(**PUBLISHED)
        config = comfy.model_detection.unet_config_from_diffusers_unet(published.state_dict())
        net = network_for(config)
    names = identitynet_names(net.state_dict().keys(), config)
    ours = {names[host]: tensor.shape for host, tensor in net.state_dict().items()}
    assert ours == {name: tensor.shape for name, tensor in published.state_dict().items()}
    assert parameter_count(net) == 1_251_014_160


def test_the_header_tells_what_it_was_made_from(tmp_path):
    _, made, result = trained("sd15", "base")
    path = tmp_path / "trained.safetensors"
    save_adapter(path, made, result, {"encoder": "CLIP ViT-H/14"})
    with safetensors.safe_open(path, "pt") as file:
        told = file.metadata()
    assert (told["variant"], told["base_model"], told["steps"], told["encoder"]) == (
        "base",
        "SD1.5",
        "2",
        "CLIP ViT-H/14",
    )
    assert told["base_model_weights"] == made.frozen.fingerprint
    assert json.loads(told["settings"])["learning_rate"] == SETTINGS.learning_rate
