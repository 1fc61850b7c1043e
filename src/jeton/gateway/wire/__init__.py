"""Wire: HTTP/1.1 for the paths that carry the traffic, straight on the socket."""
