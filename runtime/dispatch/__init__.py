"""The dispatcher of a run: it acts on the decisions of the engine."""
