"""Files of IdentityNet through the host's own ControlNet loader: a whole one acts, a damaged one is an error."""

import comfy.controlnet
import pytest
import safetensors.torch
import torch
from identity_runs import face, network
from pack.attention.identitynet.wrap import identitynet_from


def weights():
    return {name: tensor.clone() for name, tensor in network().control_model.state_dict().items()}


@pytest.fixture
def loaded(tmp_path):
    """Weights, or bytes of a file -> what the host's loader makes of a file of them."""

    def made(content, name="identitynet.safetensors"):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif path.suffix == ".safetensors":
            safetensors.torch.save_file(content, path)
        else:
            torch.save(content, path)
        return comfy.controlnet.load_controlnet(str(path))

    return made


def test_a_whole_file_is_taken(loaded):
    assert identitynet_from(loaded(weights()), face()) is not None


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named_where_the_net_is_applied(value, suffix, loaded):
    broken = weights()
    broken["input_blocks.7.1.transformer_blocks.2.attn2.to_v.weight"].view(-1)[5] = value
    net = loaded(broken, f"identitynet.{suffix}")
    with pytest.raises(ValueError, match=r"control_net is damaged.*input_blocks\.7\.1.*to_v\.weight.*publisher"):
        identitynet_from(net, face())


def cut(share):
    content = safetensors.torch.save(weights())
    return content[: int(len(content) * share)]


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.01, 0.5, 0.99])
def test_a_file_that_was_cut_off_is_an_error_of_the_loader(share, loaded):
    with pytest.raises((ValueError, safetensors.SafetensorError, RuntimeError)):
        loaded(cut(share))


FOREIGN = {
    "one key of another kind": {"something.weight": torch.zeros(2, 2)},
    "a LoRA": {"lora_unet_x.lora_down.weight": torch.zeros(2, 2)},
    "nothing": {},
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_file_of_something_else_is_no_net_at_all(case, loaded):
    assert loaded(FOREIGN[case]) is None, "the host's node says that the file is invalid"
