"""The demonstration on one's own models: the committed example workflows, on photographs."""
