"""The dispatcher of a run. It carries out the decisions of the engine."""
