"""Access: keys, workspaces and members with what they cost, and when they were last used."""
