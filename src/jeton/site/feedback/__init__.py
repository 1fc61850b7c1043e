"""Feedback: whether a page helped, from people and from agents; see ``jeton.feedback``."""
