"""IP-Adapter and InstantID for ComfyUI."""

WEB_DIRECTORY = "./web"

try:
    import comfy_api.v0_0_2  # noqa: F401
except ModuleNotFoundError as error:
    if error.name == "comfy_api.v0_0_2":
        raise ImportError("comfyui-likeness needs ComfyUI 0.30 or newer: update ComfyUI.") from error
    if error.name != "comfy_api":  # without it we are outside ComfyUI, in a linter or a test
        raise
else:
    from .nodes import comfy_entrypoint  # noqa: F401
