"""Caching, read: what the prompt-cache account says of a charge."""
