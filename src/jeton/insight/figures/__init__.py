"""Figures: what was measured of the whole installation, for pages that everybody may read."""
