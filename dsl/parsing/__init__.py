"""Text to tree: tokens, the parser and what it says of a text that is no flow."""
