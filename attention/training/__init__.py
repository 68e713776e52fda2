"""Trains adapters: a frozen base model, pictures with captions -> a new IP-Adapter, or an IdentityNet with its adapter."""
