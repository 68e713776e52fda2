"""How a run of the tests is split over processes, ordered and reported."""
