"""The meaning of a tree: the names, dependencies and types in it."""
