"""Gateway: the Messages API at the edge; it translates and relays, and decides no amount."""
