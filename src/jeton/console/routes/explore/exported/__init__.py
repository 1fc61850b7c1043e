"""Exported: what a page of usage or cost shows, for other programs: FOCUS, SQL."""
