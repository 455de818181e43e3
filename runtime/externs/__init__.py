"""The Python functions that flows call."""
