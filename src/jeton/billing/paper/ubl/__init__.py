"""UBL: a document as invoice or credit note of OASIS UBL 2.1, the other syntax of EN 16931."""
