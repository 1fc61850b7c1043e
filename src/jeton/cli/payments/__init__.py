"""``jeton payments``: what was paid on documents, statements of the bank, and waiting."""
