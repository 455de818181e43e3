"""The page of a run: one HTML file that shows its calls, votes, times and costs."""
