"""Jobs: what billing does by itself, on a schedule, one process at a time for each kind of it."""
