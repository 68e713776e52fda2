"""The pack's nodes, handed to ComfyUI."""

from __future__ import annotations

from comfy_api.v0_0_2 import ComfyExtension, io

from .available import available, usable
from .files import folders

FORMS = (
    "load_ip_adapter",
    "load_by_preset",
    "encode_reference",
    "apply_ip_adapter",
    "load_face_models",
    "find_faces",
    "choose_face",
    "join_faces",
    "embed_faces",
    "save_faces",
    "load_faces",
    "render_keypoints",
    "pose_sheet",
    "face_masks",
    "face_similarity",
    "compare_methods",
    "apply_instantid",
    "apply_identitynet",
    "region_prompts",
    "refine_faces",
    "layer_weights",
    "weight_schedule",
    "fusion",
    "scale_adapters",
    "scale_image_branch",
    "reference_weights",
    "redux_picture",
    "reference_guidance",
    "combine_embeds",
    "save_embeds",
    "load_embeds",
    "show_adapters",
    "noise_picture",
    "check_installation",
    "train_ip_adapter",
    "train_instantid",
)
MODULES = available((f"forms.{name}" for name in FORMS), __name__)
ROUTES = available(("files.download_routes", "page.editor_routes", "training.course_routes"), __name__)
OLD_NODES = available(("legacy.handler",), __name__)


class Likeness(ComfyExtension):
    async def on_load(self) -> None:
        folders.register()
        for each in ROUTES:
            each.register()
        for each in OLD_NODES:
            await each.register()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        ours = [node for module in MODULES for node in module.NODES]
        return usable([*ours, *(node for each in OLD_NODES for node in each.nodes())])


async def comfy_entrypoint() -> Likeness:
    return Likeness()
