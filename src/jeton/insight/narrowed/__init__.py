"""Narrowed reports: usage of one class of tokens, and requests that ended in another state than settled."""
