"""Where a base model's cross-attentions are, and which adapters fit them."""
