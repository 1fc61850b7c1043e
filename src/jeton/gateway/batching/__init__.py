"""Message Batches over HTTP: their paths, and what batches need of who knows the Messages API."""
