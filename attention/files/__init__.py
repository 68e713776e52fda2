"""What is in a model file, told without running anything of it."""
