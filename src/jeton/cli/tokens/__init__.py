"""``jeton tokens``: how many tokens files have, and what they would cost as a prompt."""
