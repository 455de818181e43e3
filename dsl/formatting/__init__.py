"""The formatter. It turns a tree into its canonical text."""
