"""The people of a graph: their faces, keypoints and IdentityNet's settings."""
