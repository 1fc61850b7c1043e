"""Message Batches: thousands of requests at once, at batch prices, within 24 hours. See README.md."""
