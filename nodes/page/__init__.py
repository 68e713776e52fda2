"""What a node shows on the page: notices, badges, previews, plots."""
