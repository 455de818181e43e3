"""The parser: turns text into tokens and tokens into a tree, and explains why a text is no flow."""
