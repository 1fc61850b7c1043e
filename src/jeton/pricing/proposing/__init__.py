"""Proposing: price files held against the book in use."""
