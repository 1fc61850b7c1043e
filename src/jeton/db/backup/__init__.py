"""Backup: every table of a database in one file, and back. Knows no table's meaning."""
