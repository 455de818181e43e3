"""The page of a run while the run goes on, from a server on this machine."""
