"""CII: a document as Cross Industry Invoice of EN 16931, the XML inside a Factur-X file."""
