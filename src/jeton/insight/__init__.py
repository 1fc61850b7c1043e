"""Insight: the read side, one query layer for API, Console and command line. See README.md."""
