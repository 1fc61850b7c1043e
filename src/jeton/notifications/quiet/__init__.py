"""Quiet: what an organization wants to be told beside budgets and credit, and when it wants quiet."""
