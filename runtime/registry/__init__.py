"""The registry. It finds flowrun's own extensions in a folder, and those of other packages by their entry points."""
