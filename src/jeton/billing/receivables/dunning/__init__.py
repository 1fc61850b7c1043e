"""Dunning: what is done, step by step, when a document is not paid in time."""
