"""A checkpoint -> image tokens -> keys and values."""
