"""Runs without a terminal: their records beside the journal, their logs, and the socket on which they are asked."""
