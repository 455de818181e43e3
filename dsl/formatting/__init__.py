"""The formatter: turns a tree into its canonical text."""
