"""Receivables: what is owed on documents, how it is paid, and what is done when it is not."""
