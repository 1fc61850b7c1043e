"""Arriving: what a provider sends by itself, and the comparison that finds what never arrived."""
