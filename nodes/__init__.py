# The pack's own __init__ imports this file, and a relative import of attention/ passes through it: no circle of ours.
# pyright: reportImportCycles=false
"""The pack's nodes, handed to ComfyUI."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from .files import download_routes, folders
from .forms import (
    apply_identitynet,
    apply_instantid,
    apply_ip_adapter,
    choose_face,
    combine_embeds,
    embed_faces,
    encode_reference,
    face_masks,
    face_similarity,
    find_faces,
    fusion,
    layer_weights,
    load_by_preset,
    load_embeds,
    load_face_models,
    load_faces,
    load_ip_adapter,
    noise_picture,
    refine_faces,
    region_prompts,
    render_keypoints,
    save_embeds,
    save_faces,
    scale_adapters,
    show_adapters,
    train_instantid,
    train_ip_adapter,
    weight_schedule,
)
from .legacy import handler as legacy_handler
from .page import editor_routes

MODULES = (
    load_ip_adapter,
    load_by_preset,
    encode_reference,
    apply_ip_adapter,
    load_face_models,
    find_faces,
    choose_face,
    embed_faces,
    save_faces,
    load_faces,
    render_keypoints,
    face_masks,
    face_similarity,
    apply_instantid,
    apply_identitynet,
    region_prompts,
    refine_faces,
    layer_weights,
    weight_schedule,
    fusion,
    scale_adapters,
    combine_embeds,
    save_embeds,
    load_embeds,
    show_adapters,
    noise_picture,
    train_ip_adapter,
    train_instantid,
)


class Likeness(ComfyExtension):
    async def on_load(self) -> None:
        folders.register()
        download_routes.register()
        editor_routes.register()
        await legacy_handler.register()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [*(node for module in MODULES for node in module.NODES), *legacy_handler.nodes()]


async def comfy_entrypoint() -> Likeness:
    return Likeness()
