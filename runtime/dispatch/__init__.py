"""The dispatcher of a run: it acts on what the engine decides."""
