"""Prompts written for ComfyUI_IPAdapter_plus and ComfyUI_InstantID, turned into prompts for this pack's nodes."""
