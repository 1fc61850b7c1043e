"""Statements: what a bank says came in, read from its files and matched to documents."""
