"""Refusals: requests that were sent back at once, and why."""
