"""Signing: what signing in is made of besides passwords: links, devices, and how often one may try."""
