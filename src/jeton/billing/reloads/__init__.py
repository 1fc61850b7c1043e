"""Reloads: credit that is bought by itself when the balance falls below what somebody chose."""
