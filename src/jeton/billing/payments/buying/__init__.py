"""Buying: what people do with money here: ask the price of credit, buy it, save a card."""
