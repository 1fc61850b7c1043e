"""Drafting: what a document of a period would say now, worked out from sums and never stored."""
