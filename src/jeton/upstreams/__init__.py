"""Upstreams: what answers a Messages request. See README.md."""
