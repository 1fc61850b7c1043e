"""Admin: the routes for admin keys, and the receipt; translates, decides nothing."""
