"""The helper functions of ejected programs. Their texts are copied, so they import the standard library alone."""
