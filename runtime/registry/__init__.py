"""The registry: the things of a folder, and those that other packages add, found by themselves."""
