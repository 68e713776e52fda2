"""Parts of the canvas: prompts by region, and a model for a crop of the picture."""
