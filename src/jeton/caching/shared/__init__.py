"""Shared: the account as all nodes share it: the tables, a node's memory of them, and its calls."""
