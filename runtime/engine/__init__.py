"""The engine decides what a run does next. It has no effects itself: the rooms above it carry the decisions out."""
