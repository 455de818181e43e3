"""The traces and metrics of a run, for other tools."""
