"""What `run.py release` does: one list of what a release needs, its archive and its notes."""
