"""A training that begins from a file: step 0 is that file, and a file of another kind is refused."""

from functools import cache
from types import SimpleNamespace

import pytest
import safetensors.torch
import torch
from trainings import dataset, run, settings, trainer, world


@cache
def published(folder, family, variant):
    """Both files of a training of two steps, as they are published; the net as the host's ControlNet."""
    from pack.attention.adapter.adapter import Adapter
    from pack.attention.adapter.checkpoint import read
    from pack.attention.training.new_identitynet import read_identitynet
    from pack.attention.training.train import save_adapter, save_identitynet, unet_config

    made = trainer(family, variant, steps=2, learning_rate=1e-2)
    trained = run(made)
    path, net = folder / f"{family}-{variant}.safetensors", folder / f"{family}-net.safetensors"
    save_adapter(path, made, trained, {})
    with torch.inference_mode():
        adapter = Adapter(read(path), variant)
        if variant != "instantid":
            return path, adapter, None
        save_identitynet(net, made, trained, {})
        return path, adapter, read_identitynet(net, unet_config(made.frozen))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("published")


def begun(family, variant, adapter, net=None, **changes):
    from pack.attention.training.start import Start
    from pack.attention.training.train import trainer_for

    start = Start(adapter, net)
    return trainer_for(world(family).model, dataset(family, variant), variant, settings(**changes), start)


def test_before_the_first_step_it_draws_what_the_file_draws(folder):
    from pack.attention.training.export import adapter_tensors, checkpoint_of
    from pack.attention.training.samples import Sampling, adapter_of, network_with, sample
    from pack.attention.training.train import unet_config

    family, variant = "sdxl", "instantid"
    path, adapter, net = published(folder, family, variant)
    made = begun(family, variant, adapter, net)
    weights = made.weights()
    own = adapter_tensors(checkpoint_of(weights, "mine"))
    file = safetensors.torch.load_file(path)
    assert own.keys() == file.keys() and all(torch.equal(own[name].half().cpu(), file[name]) for name in file)
    example, given, how = dataset(family, variant).examples[0], dataset(family, variant), Sampling(steps=1)

    def drawn(shown, network):
        return sample(made.frozen.patcher, shown, network, example, given, how)

    with torch.inference_mode():  # as loaders and samplers run: weights that were read so are moved to a card so
        from_file = drawn(adapter, net.control_model)
    from_training = drawn(adapter_of(weights, variant), network_with(unet_config(made.frozen), weights))
    fresh = trainer(family, variant)
    new = drawn(adapter_of(fresh.weights(), variant), fresh.trainee.identitynet)
    assert torch.equal(from_training, from_file) and not torch.equal(from_training, new)


def test_it_learns_on_from_there_and_goes_on_from_its_state(folder, tmp_path):
    _, adapter, _ = published(folder, "sd15", "base")
    state = tmp_path / "state"
    whole = run(begun("sd15", "base", adapter, steps=2))
    run(begun("sd15", "base", adapter, steps=1), state=state)
    assert run(begun("sd15", "base", adapter, steps=2), state=state).losses == whole.losses
    with pytest.raises(ValueError, match="start [0-9a-f]+ there,  now"):
        run(trainer(steps=2), state=state)


def test_another_kind_of_adapter_is_refused(folder):
    _, base, _ = published(folder, "sd15", "base")
    _, plus, _ = published(folder, "sd15", "plus")
    with pytest.raises(
        ValueError, match=r"is IP-Adapter plus for SD1.5 \(plus\); what is trained here is IP-Adapter for"
    ):
        begun("sd15", "base", plus)
    with pytest.raises(ValueError, match="SDXL"):
        begun("sdxl", "base", base)


def test_what_is_no_identitynet_for_this_training_is_refused():
    """Another kind of ControlNet, a training without one, and weights of other sizes."""
    from comfy.controlnet import T2IAdapter
    from pack.attention.training.new_identitynet import network_for
    from pack.attention.training.start import Start, _copied
    from pack.attention.training.train import unet_config

    made = trainer("sd15", "base")
    with pytest.raises(ValueError, match="is a T2IAdapter of another kind than IdentityNet"):
        Start(None, T2IAdapter(None, 3, 8, "nearest-exact")).put_into(made.trainee)
    with torch.device("meta"):
        net = SimpleNamespace(control_model=network_for(unet_config(made.frozen)))
    with pytest.raises(ValueError, match="has no IdentityNet to begin from a file"):
        Start(None, net).put_into(made.trainee)

    def shapes(rows):
        return {"weight": torch.zeros(rows, 2), "bias": torch.zeros(rows)}

    with pytest.raises(
        ValueError, match=r"mine does not fit this training: 2 .* 'bias', which is \(3,\) there and \(4,\)"
    ):
        _copied(*(torch.nn.ParameterDict(shapes(rows)) for rows in (3, 4)), "mine")
