"""Ending: how an exchange ends that did not come to its own end."""
