"""The audit of a flow: for each untrusted source, what one element of it can change and cause, and what it cannot."""
