"""IdentityNet: a ControlNet that reads a face's tokens in place of the text."""
