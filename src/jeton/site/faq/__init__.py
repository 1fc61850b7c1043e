"""FAQ: the frequently asked questions, each with this installation's own numbers."""
