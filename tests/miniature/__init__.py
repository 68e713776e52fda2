"""Small seeded models with the real block layouts: a custom node folder for tests and the demonstration."""

try:
    import comfy_api.latest  # noqa: F401
except ModuleNotFoundError:
    pass  # imported outside ComfyUI
else:
    from .loaders import comfy_entrypoint  # noqa: F401
