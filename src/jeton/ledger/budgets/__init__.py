"""Budgets: ceilings over the holds of an organization, a workspace or a key, window by window."""
