"""The terms that all rooms use: events, errors, calls, usage, tallies, tokens, safe quoting."""
