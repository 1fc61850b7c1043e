"""Invites: asking somebody to become a member. See invites.py."""
