"""A world small enough to train from nothing: drawn pictures, a base model of them, and adapters for it."""
