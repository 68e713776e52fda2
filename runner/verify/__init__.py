"""One's own published weights, computed by our nodes and by the reference packages, side by side in one table."""
