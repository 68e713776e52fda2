"""The table of ComfyUI_IPAdapter_plus: what its steering nodes are given, and what each becomes."""

from __future__ import annotations

from . import loaders, pictures, references, regions, weights
from .becomes import same_shape
from .shape import BLACK, COMBINE, NO_MIDDLE, RANGE, SCALING, SIDES, STEERED, STEERS, TYPE, WEIGHT, ipadapter_row

_LOADED = ("model", "ipadapter")
_LISTS = ("weights", "weights_invert", "total_frames", "image_1", "image_2", "weights_strategy")


_LOADERS = (
    ipadapter_row(
        "IPAdapterUnifiedLoader",
        ("model",),
        {"preset": "LIGHT - SD1.5 only (low strength)"},
        _LOADED,
        loaders.adapter_by_preset,
        optional=("ipadapter",),
    ),
    ipadapter_row(
        "IPAdapterUnifiedLoaderFaceID",
        ("model",),
        {"preset": "FACEID", "lora_strength": 0.6, "provider": "CPU"},
        _LOADED,
        loaders.adapter_by_preset,
        optional=("ipadapter",),
    ),
    ipadapter_row(
        "IPAdapterUnifiedLoaderCommunity",
        ("model",),
        {"preset": "Composition"},
        _LOADED,
        loaders.adapter_by_preset,
        optional=("ipadapter",),
    ),
    ipadapter_row("IPAdapterModelLoader", (), {"ipadapter_file": None}, ("IPADAPTER",), loaders.adapter_in_file),
    ipadapter_row(
        "IPAdapterInsightFaceLoader",
        (),
        {"provider": "CPU", "model_name": "buffalo_l"},
        ("INSIGHTFACE",),
        loaders.face_models,
    ),
)

_PICTURES = (
    ipadapter_row(
        "IPAdapterEncoder",
        ("ipadapter", "image"),
        {**WEIGHT, "noise": 0.0, **{f"weight_{i}": 1.0 for i in range(1, 5)}},
        ("pos_embed", "neg_embed"),
        references.encoder,
        optional=("mask", "clip_vision", *(f"image_{i}" for i in range(1, 5))),
        faults=(BLACK,),
        # Before March 2024 this id was a node that encoded up to four pictures, for an adapter it was not told.
        earlier=frozenset(
            {"noise", "ipadapter_plus", *(f"{kind}_{i}" for kind in ("image", "weight") for i in range(1, 5))}
        ),
    ),
    ipadapter_row(
        "IPAdapterCombineEmbeds",
        ("embed1",),
        {"method": "concat"},
        ("EMBEDS",),
        references.combine_embeds,
        optional=("embed2", "embed3", "embed4", "embed5"),
    ),
    ipadapter_row(
        "IPAdapterNoise",
        (),
        {"type": "fade", "strength": 1.0, "blur": 0},
        ("IMAGE",),
        references.noise,
        optional=("image_optional",),
    ),
    ipadapter_row(
        "PrepImageForClipVision",
        ("image",),
        {"interpolation": "LANCZOS", "crop_position": "top", "sharpening": 0.0},
        ("IMAGE",),
        same_shape,
        computes=pictures.prepared,
    ),
    ipadapter_row("IPAdapterSaveEmbeds", ("embeds",), {"filename_prefix": "IP_embeds"}, (), references.save_embeds),
    ipadapter_row(
        "IPAdapterLoadEmbeds",
        (),
        {"embeds": None},
        ("EMBEDS",),
        references.load_embeds,
    ),
)

_WEIGHTS = (
    ipadapter_row(
        "IPAdapterWeights",
        (),
        {
            "weights": "1.0, 0.0",
            "timing": "linear",
            "frames": 0,
            "start_frame": 0,
            "end_frame": 9999,
            "add_starting_frames": 0,
            "add_ending_frames": 0,
            "method": "full batch",
        },
        _LISTS,
        same_shape,
        optional=("image",),
        computes=weights.weights_node,
    ),
    ipadapter_row(
        "IPAdapterCombineWeights",
        (),
        {"weights_1": 0.0, "weights_2": 0.0},
        ("weights", "count"),
        same_shape,
        computes=weights.joined,
    ),
    ipadapter_row(
        "IPAdapterWeightsFromStrategy",
        ("weights_strategy",),
        {},
        _LISTS,
        same_shape,
        optional=("image",),
        computes=weights.from_strategy,
    ),
    ipadapter_row(
        "IPAdapterPromptScheduleFromWeightsStrategy",
        ("weights_strategy",),
        {"prompt": ""},
        ("prompt_schedule",),
        None,
        reason="it writes the text of another pack's prompt schedule, and nothing here makes such text: write that "
        "text by hand, a prompt for each frame at which a picture begins",
    ),
)

_REGIONS = (
    ipadapter_row(
        "IPAdapterRegionalConditioning",
        ("image",),
        {"image_weight": 1.0, "prompt_weight": 1.0, **TYPE, **RANGE},
        ("IPADAPTER_PARAMS", "POSITIVE", "NEGATIVE"),
        regions.region,
        optional=("mask", "positive", "negative"),
    ),
    ipadapter_row(
        "IPAdapterCombineParams",
        ("params_1", "params_2"),
        {},
        ("IPADAPTER_PARAMS",),
        regions.combined,
        optional=("params_3", "params_4", "params_5"),
    ),
    ipadapter_row(
        "IPAdapterFromParams",
        (*STEERS, "ipadapter_params"),
        {**COMBINE, **SCALING},
        STEERED,
        regions.apply_regions,
        optional=("image_negative", "clip_vision"),
        faults=(NO_MIDDLE, BLACK, SIDES),
    ),
)

ROWS = (*_LOADERS, *_PICTURES, *_WEIGHTS, *_REGIONS)
