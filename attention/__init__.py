"""Image branches in a model's cross-attention: tensors in, tensors out, no node, no file dialog, no face."""
