"""Searching: the words of the public pages in memory, and the page that asks them."""
