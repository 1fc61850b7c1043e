"""``jeton batch``: send a file as a Message Batch, watch it, fetch its results; over the API."""
