"""``jeton billing``: what billing does by itself."""
