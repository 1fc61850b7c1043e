"""``jeton terms``: what organizations have agreed on."""
