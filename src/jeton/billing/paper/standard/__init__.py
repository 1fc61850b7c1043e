"""Standard: what a document says in EN 16931, before it is said in one of its two syntaxes."""
