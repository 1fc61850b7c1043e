"""``jeton ledger``: proofs over the books, and the books in the formats of others."""
