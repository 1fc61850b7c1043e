"""Labelling: the end user and the tag that a request names."""
