"""Rate limits as they are kept: who changes them, and how every node learns of it."""
