"""The reference implementations, small and seeded, that the pack is measured against."""
