"""Judged: the published schemas are asked of each document's XML after its issue; their answer is kept."""
