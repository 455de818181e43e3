"""The files that commands write, and the forms of answers in them."""
