"""A prompt for real files -> the same prompt on the miniature; what stands in for what is listed in SUBSTITUTES."""

from itertools import count

SMALLER = 4  # times, each side
PLACED = ("shift_x", "shift_y", "dilate", "feather")  # in pixels of the picture too
SIZED = (
    "EmptyLatentImage",
    "LikenessRenderKeypoints",
    "LikenessPoseSheet",
    "LikenessFaceMasks",
    "SolidMask",
    "WanImageToVideo",
    "EmptySD3LatentImage",
)
SHORTER = {
    "WanImageToVideo": {"length": 5},
    "KSampler": {"steps": 2},
    "LikenessPoseSheet": {"poses": "frontal\nup"},
    "ImageScaleToTotalPixels": {"megapixels": 1 / SMALLER**2},
}
FAMILY = {
    "sd_xl_base_1.0.safetensors": "sdxl",
    "v1-5-pruned-emaonly-fp16.safetensors": "sd15",
    "flux1-dev-fp8.safetensors": "flux",
    "flux1-dev-kontext_fp8_scaled.safetensors": "flux",
    "sd3.5_large_fp8_scaled.safetensors": "sd3",
    "wan2.1_i2v_480p_14B_fp16.safetensors": "wan",
}
PRESETS = {  # purpose -> variant of the miniature adapters, kind where keys cannot tell
    "plus": ("plus", "auto"),
    "FaceID": ("faceid", "auto"),
    "FaceID plus v2": ("faceid_plus", "faceid_plus_v2"),
    "FaceID portrait": ("portrait", "auto"),
    "InstantID": ("instantid", "instantid"),
    "InfiniteYou": ("infinite_you", "auto"),
}
# Presets whose encoder is found by its contents.
FOUND = {"PuLID": "pulid", "PuLID, few steps": "pulid", "InstantX": "instantx"}
ENCODER = "encoder of the miniature"
TRAINED = count()  # a name is taken once


def load_adapter(family, variant, kind="auto"):
    inputs = {"file": f"miniature/{family}_{variant}.safetensors", "kind": kind, "clip_vision": [ENCODER, 0]}
    return {"class_type": "LikenessLoadIPAdapter", "inputs": inputs}


def load_with_found_encoder(family, variant):
    """Its encoder is found by its contents: a connected one would have no head, or be no EVA02-CLIP."""
    made = load_adapter(family, variant)
    del made["inputs"]["clip_vision"]
    return made


# Class of a node -> what stands in for it, from its inputs and the family of the workflow's model.
SUBSTITUTES = {
    "CheckpointLoaderSimple": lambda inputs, family: {
        "class_type": "MiniatureModel",
        "inputs": {"family": family, "seed": 1},
    },
    "CLIPVisionLoader": lambda inputs, family: {
        "class_type": "MiniatureCLIPVision",
        "inputs": {"kind": "vit_h_wide" if family == "wan" else "vit_h", "seed": 3},
    },
    "UNETLoader": lambda inputs, family: (
        {"class_type": "MiniatureModel", "inputs": {"family": family, "seed": 1}}
        if family == "flux"
        else {"class_type": "MiniatureWan", "inputs": {"kind": "wan2.1 i2v", "seed": 1}}
    ),
    "DualCLIPLoader": lambda inputs, family: {"class_type": "MiniatureFluxCLIP", "inputs": {"seed": 1}},
    "CLIPLoader": lambda inputs, family: {"class_type": "MiniatureWanCLIP", "inputs": {"seed": 1}},
    "VAELoader": lambda inputs, family: {
        "class_type": "MiniatureFluxVAE" if family == "flux" else "MiniatureWanVAE",
        "inputs": {"seed": 1},
    },
    "ControlNetLoader": lambda inputs, family: {
        "class_type": "MiniatureControlNet",
        "inputs": {"family": family, "seed": 2},
    },
    "LoraLoader": lambda inputs, family: {
        "class_type": "LoraLoader",
        "inputs": {**inputs, "lora_name": f"miniature_{family}.safetensors"},
    },
    "LikenessLoadIPAdapter": lambda inputs, family: load_adapter(family, "plus"),
    "LikenessLoadByPreset": lambda inputs, family: (
        load_with_found_encoder(family, FOUND[inputs["preset"]])
        if inputs["preset"] in FOUND
        else load_adapter(family, *PRESETS[inputs["preset"]])
    ),
    "LikenessTrainIPAdapter": lambda inputs, family: {
        "class_type": "LikenessTrainIPAdapter",
        "inputs": {**inputs, "name": f"{inputs['name']}-{next(TRAINED)}", "steps": 2, "batch_size": 2}
        | {"bucket_side": 64, "look_every": 2},
    },
    # A narrow CLIP is none that was published, so that no text encoder is known to go with it.
    "LikenessCompareMethods": lambda inputs, family: {
        "class_type": "LikenessCompareMethods",
        "inputs": {name: value for name, value in inputs.items() if name != "clip"},
    },
    "LikenessLoadFaceModels": lambda inputs, family: {
        "class_type": "LikenessLoadFaceModels",
        "inputs": {"pack": "vectron", "provider": "CPU"},
    },
}


def on_the_miniature(graph):
    files = (n["inputs"].get("ckpt_name") or n["inputs"].get("unet_name") for n in graph.values())
    family = next((FAMILY[file] for file in files if file), "sd15")
    eye = "vit_l" if family == "flux" else "vit_h"
    made = {ENCODER: {"class_type": "MiniatureCLIPVision", "inputs": {"kind": eye, "seed": 3}}}
    for name, node in graph.items():
        kind, inputs = node["class_type"], dict(node["inputs"])
        if kind in SIZED:
            inputs |= {side: inputs[side] // SMALLER // 8 * 8 for side in ("width", "height")}
            inputs |= {name: inputs[name] / SMALLER for name in PLACED if name in inputs}
        inputs |= SHORTER.get(kind, {})
        if kind == "LikenessFindFaces" and graph[inputs["image"][0]]["class_type"] == "VAEDecode":
            inputs |= {"size": 128, "margin": False}  # there is no face in what a miniature draws
        if "any_recogniser" in inputs:
            inputs["any_recogniser"] = True  # the tests' face pack has another recogniser than the adapters'
        substitute = SUBSTITUTES.get(kind)
        made[name] = substitute(inputs, family) if substitute else {**node, "inputs": inputs}
    return made
