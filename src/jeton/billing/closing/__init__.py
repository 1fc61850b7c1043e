"""Closing: a month of the house is checked, closed, and then nothing is posted into it any more."""
