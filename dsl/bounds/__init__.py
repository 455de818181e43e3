"""The bounds of a plan, worked out before any call: calls, rounds, tokens and dollars."""
