"""Proving the books beside the requests: in a process of its own, so that no request waits for it."""
