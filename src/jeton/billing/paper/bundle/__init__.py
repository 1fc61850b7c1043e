"""Bundle: a document with every request behind it, in one file that anybody can check without us."""
