"""The forecast of a run: its bounds, told before anything is sent."""
