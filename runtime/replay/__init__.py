"""Replay: run the state machine again on the recorded events of a run, without a clock and without a network."""
