"""Backup of an installation: its database, and what of the data directory belongs to it."""
