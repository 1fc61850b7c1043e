"""Observing: what operators see of a running process."""
