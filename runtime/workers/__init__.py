"""The processes that run bodies of one run: the driver's side, the worker's side, and the messages between them."""
