"""Billing: how money comes in, and the documents that say for what."""
