"""Edges: what each of them is given, where that takes more than a line."""
