"""Feedback: what readers say of the documentation, and what it did not tell them."""
