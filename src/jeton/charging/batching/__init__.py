"""Message Batches as members of a group commit: what is asked of the books."""
