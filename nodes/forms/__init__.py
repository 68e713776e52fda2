"""The nodes that users see: each a form plus one call."""
