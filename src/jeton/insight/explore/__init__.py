"""Explore: one query over settled usage and cost, under pages, files and reports."""
