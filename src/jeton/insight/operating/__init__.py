"""Operating: what the operator asks: organizations, what is missing in the books of prices, how all is."""
