"""Statements: what a page asks of the database, as text that an operator can run."""
