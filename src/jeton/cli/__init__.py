"""The jeton command: one file a command group, assembled here."""
