"""One reference on one model, as a value that never changes."""
