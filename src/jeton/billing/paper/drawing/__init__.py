"""Drawing: a document as pages."""
