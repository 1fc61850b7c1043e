"""Stripe: the provider protocol through the official client, over our own HTTP."""
