"""The setup of a run: its options, files, models, endpoints and journal."""
