"""What the tests of composition share: a spy on every call of the UNet, guiders, and how far two pictures differ."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from comfy.patcher_extension import WrappersMP

EFFECT = 1e-2  # of latents of ordinary size: less would be two unsteered pictures


@dataclass(frozen=True)
class Seen:
    """One call of the UNet. `call` is None where no branch acted."""

    indices: tuple
    call: object
    sigma: float
    latents: torch.Tensor
    control: object

    @property
    def roles(self):
        """(index in the host's list, what our branch took it for) of every chunk."""
        if self.call is None:
            return ()
        return tuple((index, chunk.polarity) for index, chunk in zip(self.indices, self.call.rows.chunks, strict=True))


@pytest.fixture
def watch():
    """model -> a clone of it and the list that fills with what its UNet is called with."""

    def watched(model):
        seen = []

        def spy(executor, *args, **kwargs):
            options = args[5]
            call = options.get("likeness_call")
            sigma = float(options["sigmas"][0])
            seen.append(Seen(tuple(options["cond_or_uncond"]), call, sigma, args[0].clone(), args[4]))
            return executor(*args, **kwargs)

        clone = model.clone()
        clone.add_wrapper(WrappersMP.DIFFUSION_MODEL, spy)
        return clone, seen

    return watched


@pytest.fixture
def differs():
    """The mean difference of two pictures; `differs.effect` is what a branch must at least make."""

    def difference(a, b):
        assert a.isfinite().all()
        assert b.isfinite().all()
        return (a - b).abs().mean().item()

    difference.effect = EFFECT
    return difference


@pytest.fixture
def guided():
    """Sample with a guider as SamplerCustomAdvanced does."""
    from comfy_extras import nodes_custom_sampler as nodes

    def sampled(guider, model, steps=2, seed=11, batch=1):
        noise, sampler, sigmas = (
            node.args[0]
            for node in (
                nodes.RandomNoise.execute(seed),
                nodes.KSamplerSelect.execute("euler"),
                nodes.BasicScheduler.execute(model, "normal", steps, 1.0),
            )
        )
        latent = {"samples": torch.zeros(batch, 4, 16, 16)}
        return nodes.SamplerCustomAdvanced.execute(noise, guider, sampler, sigmas, latent).args[0]["samples"]

    return sampled


@pytest.fixture
def prompt(sd15):
    """Conditionings of any text for sd15."""
    return lambda text: sd15.clip.encode_from_tokens_scheduled(sd15.clip.tokenize(text))


@pytest.fixture
def reached(monkeypatch):
    """Each time a layer is put together, for each of its branches: the block, and the side of each row."""
    from pack.attention.sampling.run import Run

    found = []
    tokens = Run._tokens

    def recording(self, branch, block, *given):
        found.append(SimpleNamespace(block=block, sides=[side for side, _ in branch.groups_in(block)]))
        return tokens(self, branch, block, *given)

    monkeypatch.setattr(Run, "_tokens", recording)
    return found


@pytest.fixture(scope="session")
def lora_folder(tmp_path_factory):
    """A folder with a LoRA of sd15's attention in the host's own names."""
    from miniature import models, seeded
    from safetensors.torch import save_file

    tensors = {}
    for name, tensor in models.unet("sd15", 1).model.diffusion_model.state_dict().items():
        if name.endswith(("attn1.to_v.weight", "attn2.to_v.weight", "attn2.to_q.weight")):
            key = f"diffusion_model.{name.removesuffix('.weight')}"
            rows, columns = tensor.shape
            tensors[f"{key}.lora_up.weight"] = seeded.normal(9, f"{key}.up", (rows, 4), 0.3)
            tensors[f"{key}.lora_down.weight"] = seeded.normal(9, f"{key}.down", (4, columns), 0.1)
    folder = tmp_path_factory.mktemp("loras")
    save_file(tensors, folder / "style.safetensors")
    return folder


@pytest.fixture
def lora_file(lora_folder, monkeypatch):
    """The name of that LoRA, as the host's loaders take it."""
    import folder_paths

    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(lora_folder)], {".safetensors"}))
    return "style.safetensors"
