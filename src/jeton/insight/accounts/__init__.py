"""Accounts: what a finance department asks of the books, all out of postings, so that it ties to zero."""
