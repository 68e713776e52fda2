"""The world's people: heads in three dimensions, drawn in four styles by a seeded program."""
