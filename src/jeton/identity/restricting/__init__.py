"""Restricting: what a key is not for."""
