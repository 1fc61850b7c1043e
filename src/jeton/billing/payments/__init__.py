"""Payments: cards, purchases of credit, refunds, disputes, and what a payment provider says of them."""
