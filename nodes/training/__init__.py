"""What the two training nodes share."""
