"""Blocks: one kind of block a file."""
