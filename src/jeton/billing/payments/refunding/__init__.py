"""Refunding: unused credit is paid back to the card that bought it."""
