"""Re-rating: what was charged, at other prices than it was; never a charge itself."""
