"""People: organizations, their members, and who was invited, on the command line."""
