"""Notifications: what organizations and the operator are told, and how it reaches them."""
