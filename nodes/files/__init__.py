"""Model folders, what lies in them, and downloads."""
