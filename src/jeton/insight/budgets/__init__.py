"""Budgets as they stand: what each has counted in its running window."""
