"""Budgets as a use case: made, changed and ended, each with its audit."""
