"""HTTP/1.1 as a client: connections to one upstream, turns for them, and answers on their way."""
