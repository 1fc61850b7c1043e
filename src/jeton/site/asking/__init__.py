"""Asking: questions to the documentation, answered only from its sections, each sentence with a citation."""
