"""Disputing: a bank takes a payment back, for now or for good, and the lot that it bought is frozen."""
