"""Engines: tokenizers that count a text as its provider does, one for each family that has one."""
