"""The demonstration on the miniature world: models that are small, trained, and show what the pack does."""
