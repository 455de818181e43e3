"""The engine of a run: it decides, and acts on nothing."""
