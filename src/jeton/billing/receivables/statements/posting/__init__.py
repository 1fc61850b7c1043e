"""Posting: what becomes of the lines of a statement: many in one transaction, each exactly once."""
