"""``jeton budgets``: the ceilings of an organization, a workspace or a key."""
