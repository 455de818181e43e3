"""Tree to canonical text."""
