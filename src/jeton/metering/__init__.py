"""Usage events: what was used, by whom, when; stored once. See README.md."""
