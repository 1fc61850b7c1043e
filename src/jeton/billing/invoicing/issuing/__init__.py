"""Issuing: a number, a row, its lines and its postings, in one transaction."""
