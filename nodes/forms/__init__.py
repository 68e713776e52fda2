"""The nodes that one sees: each a form plus one call."""
