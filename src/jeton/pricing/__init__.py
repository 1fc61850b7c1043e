"""Pricing: the price book as dated facts, and exact rating of usage by it. No I/O but reading price files."""
