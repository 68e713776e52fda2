"""From a fresh machine to a running ComfyUI with the pack; standard library only, except runner/demo."""
