"""What happens in a sampling run: which branches act on which rows of a model call."""
