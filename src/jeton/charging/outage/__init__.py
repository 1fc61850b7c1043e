"""Outage: what becomes of requests in flight while the database is away (P11)."""
