"""Pictures -> embeds: features of a reference before any projection."""
