"""Counting: what members do to the budgets of a book, and what is told of it."""
