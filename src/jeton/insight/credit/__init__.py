"""Credit: which lot pays next, which paid what, and how a balance came about."""
