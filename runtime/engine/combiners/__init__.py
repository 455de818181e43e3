"""Combiners. Each makes one value from the results of a block."""
