"""Evidence: what a receipt can be held against: the journal, the document that bills it, its digest."""
