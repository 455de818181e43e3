"""The parser. It turns text into tokens and tokens into a tree, and explains why a text is not a flow."""
