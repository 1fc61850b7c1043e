"""Sums: what is kept beside the charges, against the charges."""
