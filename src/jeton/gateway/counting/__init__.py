"""Counting: the best count of a prompt that is to be had now, for who asks and for who is short of credit."""
