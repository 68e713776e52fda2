"""IP-Adapter and InstantID for ComfyUI."""

WEB_DIRECTORY = "./web"

try:
    import comfy_api.latest  # noqa: F401
except ModuleNotFoundError:
    pass  # imported outside ComfyUI, by a linter or a test
else:
    from .nodes import comfy_entrypoint  # noqa: F401
