"""Pools: the credit of Message Batches, held as a whole, settled item by item, the rest returned."""
