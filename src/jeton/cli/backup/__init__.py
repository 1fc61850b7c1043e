"""``jeton backup`` and ``jeton restore``."""
