"""The engine of a run. It makes all decisions, and has no effects itself."""
