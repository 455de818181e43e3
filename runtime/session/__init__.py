"""One run, set up."""
