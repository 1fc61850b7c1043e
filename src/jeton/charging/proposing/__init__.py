"""Proposing: prices that one operator proposes and another approves."""
