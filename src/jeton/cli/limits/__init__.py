"""``jeton limits``: how fast an organization or a workspace may go."""
