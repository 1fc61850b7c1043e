"""Caching of upstreams: the answers of a server that keeps no prompt cache, as if it kept one."""
