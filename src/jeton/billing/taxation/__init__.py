"""Taxation: asking somebody else what tax a document bears, before anything of it is written."""
