"""Tokens: exact counts and true bounds of prompts. See README.md."""
