"""The forecast of a run: its bounds, before anything is sent."""
