"""Combiners: each makes one value of the results of a block."""
