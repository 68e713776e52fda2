"""Draws the thumbnails of the templates."""
