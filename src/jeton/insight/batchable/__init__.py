"""Batchable: usage that was not sent as a batch, and what it would have come to as one."""
