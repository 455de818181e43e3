"""The blocks. Each kind of block has its own file."""
