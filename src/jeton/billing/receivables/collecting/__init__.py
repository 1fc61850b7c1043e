"""Collecting: documents paid by a saved card, and what the operator agrees to wait for."""
