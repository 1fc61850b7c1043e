"""Chargeback: what an organization's divisions answer for, ready to be posted."""
