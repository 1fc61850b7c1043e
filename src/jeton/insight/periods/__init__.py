"""Periods: what organizations used in stretches of time, many of them at once, as documents want it."""
