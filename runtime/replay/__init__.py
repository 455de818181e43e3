"""Replay: a run that was recorded happens again, without a clock and without a network."""
