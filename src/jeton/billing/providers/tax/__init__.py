"""Tax services: the hook that any of them can be put behind."""
