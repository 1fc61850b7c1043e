"""Live: charges as they are settled, told to whoever listens."""
