"""Overview: a month so far, why it differs from what came before it, and where it leads."""
