"""Agreeing: which terms an organization is under, known to every node before it is asked."""
