"""``jeton invoices``: documents as files, and whether one is right."""
