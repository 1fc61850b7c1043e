"""Counter: the best count that there is for a family, and the memory that makes a conversation cheap."""
