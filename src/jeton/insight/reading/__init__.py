"""Reading: how the documentation serves its readers."""
