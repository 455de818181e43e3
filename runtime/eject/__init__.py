"""The parts of ejected programs that are copied, and the requests that they send."""
