"""Identity: who calls, for whom, and with which right. See README.md."""
