"""The words that every room uses: events, errors, usage, tallies, tokens."""
