"""A plan held against the rules of the language: it is made into a tree again, and the checker looks at that."""
