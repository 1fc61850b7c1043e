"""Leasing: credit that a busy node sets aside, so that admission waits for no database."""
