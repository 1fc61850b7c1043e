"""Re-rating: charges of a past time at another price, approved by a second person and posted as reversals."""
