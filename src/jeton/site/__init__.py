"""Site: the public pages, and the documentation."""
