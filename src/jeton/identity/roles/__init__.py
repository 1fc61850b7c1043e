"""Roles: what each lets a member do."""
