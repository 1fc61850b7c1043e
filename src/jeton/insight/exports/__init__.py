"""Exports: the journal, row by row, in formats that others read."""
