"""Python that flows call."""
