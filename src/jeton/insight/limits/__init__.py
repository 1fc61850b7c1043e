"""Limits: how near requests came to what their limits let through."""
