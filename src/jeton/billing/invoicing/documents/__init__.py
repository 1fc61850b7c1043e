"""Documents as they are stored: written once, read by everybody, marked as their payment goes."""
