"""The files that a flow reads, and the functions that read them."""
