"""The experience with endpoints that runs leave to later runs, in a file of the user's cache."""
