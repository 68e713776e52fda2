"""What ComfyUI does that no signature shows and the pack relies on: the table of promises, each tried on the ComfyUI that
is there, with small models of random weights."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .features import WHOLE
from .witness import Witness, model, witnessed

_REFERENCES = "every reference (IP-Adapter and InstantID)"
_NET = "IdentityNet, the half of InstantID that fixes the pose"
_OLD = "workflows of the old packs"
_FOLDERS = "finding models and saving files"
OPTIONS = (
    "activations_shape",
    "attn_precision",
    "block",
    "block_index",
    "n_heads",
    "cond_or_uncond",
    "uuids",
    "sigmas",
)
"""What a patch of an attention is told."""


@dataclass(frozen=True)
class Promise:
    """Something that ComfyUI does; `hold` raises AssertionError, saying what it does instead."""

    says: str
    feature: str
    hold: Callable[[], None]


def _a_patch_is_told_where_it_is() -> None:
    (q, k, v), options = witnessed().patched
    for name, tensor in (("queries", q), ("keys", k), ("values", v)):
        assert type(tensor) is Tensor and tensor.ndim == 3, f"it is given {name} as {type(tensor).__name__}"
    missing = [name for name in OPTIONS if name not in options]
    assert not missing, f"it is not told {', '.join(missing)}"
    place = tuple(options["block"][:2]), options["block_index"]
    assert place == (("middle", 0), 0), f"the patch of the middle block is told that it is in {place}"
    assert q.shape[1] == options["activations_shape"][-1] * options["activations_shape"][-2], (
        f"{q.shape[1]} queries for a grid of {tuple(options['activations_shape'])}"
    )


def _a_sampler_wrapper_gets_the_run() -> None:
    seen = witnessed()
    guider, sigmas, extra_args, _, noise = seen.sampled[:5]
    assert set(seen.conds) == {"positive", "negative"}, f"the guider's conditionings are {sorted(seen.conds)}"
    assert "transformer_options" in extra_args["model_options"], "it does not get the model's options"
    assert hasattr(guider, "model_patcher") and noise.shape == (2, 4, 8, 8), f"its noise is {tuple(noise.shape)}"
    start, end = seen.levels
    assert start >= float(sigmas[0]) > float(sigmas[-1]) >= end, "percents of a run do not give its noise levels"


def _a_step_wrapper_gets_the_whole_latent() -> None:
    conds, x_in, timestep, options = witnessed().stepped[1:5]
    assert len(conds) == 2 and x_in.shape == (2, 4, 8, 8), f"it is given {len(conds)} lists and {tuple(x_in.shape)}"
    assert len(timestep) and "transformer_options" in options, "it does not get the model's options"


def _a_model_wrapper_gets_the_call() -> None:
    x, t, _, text, _, options = witnessed().called[:6]
    assert x.shape == (4, 4, 8, 8) and text.shape[0] == 4, f"two pictures, guided, are rows of {tuple(x.shape)}"
    assert len(t) == 4 and options["likeness_check"] is witnessed().token, (
        "what a model carries does not arrive with it"
    )


def _conditionings_are_told_apart() -> None:
    by_side = {name: [entry.get("uuid") for entry in entries] for name, entries in witnessed().conds.items()}
    options = witnessed().patched[1]
    index, uuids = options["cond_or_uncond"], options["uuids"]
    found = {("positive", "negative")[i]: [uuid] for i, uuid in zip(index, uuids, strict=True)}
    assert found == by_side, "the names of a call's conditionings are not those of the run's"


def _a_clone_is_independent() -> None:
    first, token = model().clone(), (object(),)
    first.model_options["transformer_options"] = {
        **first.model_options.get("transformer_options", {}),
        "likeness": token,
    }
    second = first.clone()
    second.model_options["transformer_options"]["another"] = 1
    assert "another" not in first.model_options["transformer_options"], "a clone writes into what it was cloned from"
    assert second.model_options["transformer_options"]["likeness"] is token, "a clone does not carry the options on"


def _a_net_sees_the_hint_that_was_made() -> None:
    from pack.attention.identitynet.net import FaceContext, IdentityNet

    shown = _shown_net(IdentityNet, FaceContext)
    given = torch.stack([torch.full((3, 64, 64), level) for level in (0.2, 0.4)])
    shown.set_cond_hint(given, 1.0, (0.0, 1.0))
    shown.pre_run(model().model, model().model.model_sampling.percent_to_sigma)
    shown.get_control(torch.randn(2, 4, 8, 8), torch.ones(2), {"c_crossattn": torch.zeros(2, 77, 64)}, 1, {})
    seen: Tensor = shown.control_model.hint
    assert seen.shape == given.shape and torch.equal(seen.float(), given), "the network is shown another picture"


def _shown_net(identity_net: Any, face_context: Any) -> Any:
    from comfy.controlnet import ControlNet

    net = ControlNet(None, load_device=torch.device("cpu"), manual_cast_dtype=None)
    net.control_model = _Network()
    net.control_model_wrapped = None
    return identity_net(net, face_context(torch.zeros(1, 4, 64), torch.zeros(1, 4, 64)))


class _Network:
    """Stands where a ControlNet's weights are, and keeps the picture it is shown."""

    dtype = torch.float32
    hint: Tensor | None = None

    def __call__(self, **given: Any) -> dict[str, list[Tensor]]:
        self.hint = given["hint"].clone()
        return {"middle": [], "output": []}


def _prompts_pass_the_handlers() -> None:
    from server import PromptServer

    server = PromptServer.__new__(PromptServer)
    server.on_prompt_handlers = []
    server.add_on_prompt_handler(lambda request: {**request, "seen": True})
    made = server.trigger_on_prompt({"prompt": {}})
    assert made == {"prompt": {}, "seen": True}, f"a handler's answer is not used: {made}"


def _a_replacement_can_be_described() -> None:
    from app.node_replace_manager import NodeReplaceManager
    from pack.nodes.legacy.handler import replacement
    from pack.nodes.legacy.table import ROWS

    manager = NodeReplaceManager()
    for row in ROWS.values():
        manager.register(replacement(row))
    assert set(manager.as_dict()) == set(ROWS), "not every old node gets its replacement"


def _a_new_folder_lists_what_we_ask_for() -> None:
    import folder_paths

    name = "likeness_check"
    folder_paths.add_model_folder_path(name, tempfile.gettempdir())
    paths, extensions = folder_paths.folder_names_and_paths.pop(name)
    assert list(paths) == [tempfile.gettempdir()], f"the folder is kept as {paths}"
    assert isinstance(extensions, set), f"its extensions are a {type(extensions).__name__}"


@cache
def _nodes() -> list[Any]:
    import pack

    async def handed_over() -> list[Any]:
        extension = await pack.comfy_entrypoint()
        await extension.on_load()
        return await extension.get_node_list()

    return asyncio.run(handed_over())


def _every_node_is_taken() -> None:
    from comfy_api.latest import io

    assert len(_nodes()) > 20, f"only {len(_nodes())} nodes"
    for node in _nodes():
        assert issubclass(node, io.ComfyNode)
        node.GET_NODE_INFO_V1()


def _a_reference_acts_and_at_0_does_not() -> None:
    plain, half, none = (_sampled(weight) for weight in (None, 0.5, 0.0))
    assert not torch.equal(plain, half), "a reference changes nothing"
    assert torch.equal(plain, none), "a reference of weight 0 changes the picture"


def _sampled(weight: float | None) -> Tensor:
    from miniature import adapters, models
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
    from pack.nodes.wires import LoadedAdapter

    if weight is None:
        return Witness().run(model())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "adapter.safetensors")
        adapters.write_safetensors(adapters.adapter_state_dict("sd15", "base", 7), path)
        encoder = models.clip_vision(adapters.encoder_of("sd15", "base"), 3)
        loaded = LoadedAdapter(Adapter(checkpoint.read(path)), encoder)
        picture = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(1))
        return Witness().run(ApplyIPAdapter.execute(model(), loaded, image=picture, weight=weight).args[0])


PROMISES = (
    Promise("every node of the pack is taken", WHOLE, _every_node_is_taken),
    Promise("a patch of an attention is told where it is", _REFERENCES, _a_patch_is_told_where_it_is),
    Promise("a wrapper around a run gets the run", _REFERENCES, _a_sampler_wrapper_gets_the_run),
    Promise("a wrapper around a step gets the whole latent", _REFERENCES, _a_step_wrapper_gets_the_whole_latent),
    Promise("a wrapper around the model gets the call", _REFERENCES, _a_model_wrapper_gets_the_call),
    Promise("conditionings are told apart", _REFERENCES, _conditionings_are_told_apart),
    Promise("a clone of a model is independent", _REFERENCES, _a_clone_is_independent),
    Promise("a reference acts, and at weight 0 does not", _REFERENCES, _a_reference_acts_and_at_0_does_not),
    Promise("a ControlNet sees the picture made for it", _NET, _a_net_sees_the_hint_that_was_made),
    Promise("prompts pass through handlers", _OLD, _prompts_pass_the_handlers),
    Promise("old nodes can be replaced", _OLD, _a_replacement_can_be_described),
    Promise("a folder for models can be added", _FOLDERS, _a_new_folder_lists_what_we_ask_for),
)
