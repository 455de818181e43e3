"""The meaning of a tree: its names, dependencies and types."""
