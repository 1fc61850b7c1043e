"""Providers: how money moves, behind one protocol; the only place of billing that speaks to another server."""
