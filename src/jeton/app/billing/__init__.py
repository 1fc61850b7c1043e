"""Billing: the till of a process, and what it does beside its requests to bring money in."""
