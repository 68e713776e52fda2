"""Pictures from folders, archives and tables -> a lesson on disk, which `run.py train` reads; never imported by the pack."""
