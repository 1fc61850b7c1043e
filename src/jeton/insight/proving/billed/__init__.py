"""Billed: documents, refunds and disputes against their lines and the postings."""
