"""Where commands write, and in which form."""
