"""What the pack relies on in ComfyUI, checked on the ComfyUI that is there: names, calls, behaviour."""
