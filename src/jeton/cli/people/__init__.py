"""People: the members of an organization, and who was invited, on the command line."""
