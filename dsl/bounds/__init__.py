"""How much a plan can come to before anything is sent: calls, rounds, tokens."""
