"""Prices: the price book as people see it, and what stacked discounts come to."""
