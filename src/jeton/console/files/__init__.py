"""Files: what a page sends as one, and what it takes."""
