"""The writer of a flow as plain Python: a program that needs nothing of flowrun."""
