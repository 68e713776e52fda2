"""The table of what the pack calls on objects that ComfyUI hands it, which its source does not name by module."""

from .uses import Call, Use

_REFERENCES = "every reference (IP-Adapter and InstantID)"
_NET = "IdentityNet, the half of InstantID that fixes the pose"
_INFUSENET = "InfiniteYou on FLUX.1"
_PAGE = "what nodes show and say on the page"
_OLD = "workflows of the old packs"
_TRAINING = "training"

# (name, values by position beside the object itself, values by name, feature)
_ROWS = (
    ("comfy.model_patcher.ModelPatcher.clone", 0, (), _REFERENCES),
    ("comfy.model_patcher.ModelPatcher.is_dynamic", 0, (), _REFERENCES),
    ("comfy.model_patcher.ModelPatcher.get_model_object", 1, (), _REFERENCES),
    ("comfy.model_patcher.ModelPatcher.add_patches", 2, (), "FaceID's LoRA"),
    ("comfy.model_base.BaseModel.process_latent_in", 1, (), _TRAINING),
    ("comfy.model_base.BaseModel.apply_model", 2, ("transformer_options",), _TRAINING),
    ("comfy.controlnet.ControlNet.get_control", 5, (), _NET),
    ("comfy.controlnet.ControlNet.copy", 0, (), _NET),
    ("comfy.controlnet.ControlNet.copy_to", 1, (), _NET),
    ("comfy.controlnet.ControlNet.set_cond_hint", 4, (), _NET),
    ("comfy.controlnet.ControlNet.set_previous_controlnet", 1, (), _NET),
    ("comfy.controlnet.ControlBase.control_merge", 3, (), _NET),
    ("comfy.sd.VAE.spacial_compression_encode", 0, (), _INFUSENET),
    ("comfy.sd.VAE.encode", 1, (), _INFUSENET),
    ("comfy.latent_formats.LatentFormat.process_in", 1, (), _INFUSENET),
    ("comfy.utils.ProgressBar.update_absolute", 3, (), _PAGE),
    ("server.PromptServer.send_progress_text", 2, (), _PAGE),
    ("server.PromptServer.send_sync", 2, (), "downloads of models"),
    ("server.PromptServer.add_on_prompt_handler", 1, (), _OLD),
    ("nodes.NODE_CLASS_MAPPINGS", None, (), _OLD),
)

METHODS = tuple(
    Use(name, None if count is None else Call(count + 1, named), "runner/contract/methods.py", feature, False)
    for name, count, named, feature in _ROWS
)
