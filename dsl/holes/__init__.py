"""Holes: values that a file leaves open as `?`, so that `flowrun tune` chooses them."""
