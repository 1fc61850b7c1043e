"""Asking: Ask Docs as a customer of this installation's own gateway."""
