"""The files that a flow reads: what a run may read of them, and how."""
