"""Jeton: the commercial layer of an LLM API."""
