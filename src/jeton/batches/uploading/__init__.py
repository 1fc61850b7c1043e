"""Uploading: a batch from its first byte to its hold, in pieces, whatever its size."""
