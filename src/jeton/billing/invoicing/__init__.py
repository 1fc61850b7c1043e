"""Invoicing: periods, drafts, legal numbers, issued documents, corrections, and closing many at once."""
