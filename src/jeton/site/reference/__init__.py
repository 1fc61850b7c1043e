"""Reference: every path of the API from one description, as OpenAPI and as a page."""
