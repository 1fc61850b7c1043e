"""Rendering: what billing knows, as pages' twins and the Admin API give it; amounts are exact decimals."""
