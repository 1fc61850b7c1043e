"""Providers: how money moves, behind one protocol; the one place of billing that calls other servers."""
