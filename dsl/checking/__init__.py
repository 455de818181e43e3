"""Names, dependencies and types: what a tree means."""
