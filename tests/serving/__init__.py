"""A real ComfyUI with the pack and the miniature models, for every test that asks it as its users do."""
