"""The tables of x-flux-comfyui and ComfyUI-IPAdapter-Flux: their nodes for adapters, and what each becomes."""

from __future__ import annotations

from . import flux
from .shape import AT_ONCE, INSTANTX, STEERED, VALUES, XLABS, Row

_ADAPTER = ("ipadapterFlux",)

ROWS = (
    Row(
        "LoadFluxIPAdapter",
        XLABS,
        (),
        {"ipadatper": None, "clip_vision": "clip-vit-large-patch14.safetensors", "provider": "CPU"},
        _ADAPTER,
        flux.xlabs_in_file,
    ),
    Row("ApplyFluxIPAdapter", XLABS, ("model", "ip_adapter_flux", "image"), {"ip_scale": 0.93}, STEERED, flux.xlabs),
    Row(
        "ApplyAdvancedFluxIPAdapter",
        XLABS,
        ("model", "ip_adapter_flux", "image"),
        {"begin_strength": 0.0, "end_strength": 1.0, "smothing_type": "Linear"},
        STEERED,
        flux.xlabs_between,
    ),
    Row(
        "IPAdapterFluxLoader",
        INSTANTX,
        (),
        {"ipadapter": None, "clip_vision": "google/siglip-so400m-patch14-384", "provider": "cuda"},
        _ADAPTER,
        flux.instantx_in_file,
        faults=(VALUES,),
    ),
    Row(
        "ApplyIPAdapterFlux",
        INSTANTX,
        ("model", "ipadapter_flux", "image"),
        {"weight": 1.0, "start_percent": 0.0, "end_percent": 1.0},
        STEERED,
        flux.instantx,
        faults=(AT_ONCE,),
    ),
)
