"""How strongly a branch acts: by layer, by step, by picture."""
