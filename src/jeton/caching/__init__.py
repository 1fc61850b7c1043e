"""Caching: the prompt-cache account, for upstreams that know no prompt cache or report none of it."""
