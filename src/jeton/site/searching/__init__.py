"""Searching: the documentation's words in memory, and the page that asks them."""
