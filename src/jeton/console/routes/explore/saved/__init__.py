"""Saved charts: keeping, sharing and pinning what an address of usage or cost says."""
