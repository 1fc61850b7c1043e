"""Rate limits at the gateway: what a request reserves and counts, and the headers that say how they stand."""
