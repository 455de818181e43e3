"""The usual numbers of an ask, which both the bounds of a plan and its run keep to."""

RETRIES = 2
"""If an answer is malformed, its call is repeated at most this many times, unless the flow sets the number."""
CORRECTIONS = "corrections"
"""The option of an ask in a plan that limits the repetitions after a malformed answer. A flow cannot write it."""
ATTEMPTS = 6
"""The greatest number of attempts at a call whose server fails, unless the flow sets it."""
CORRECTION = 480
"""The most tokens that a malformed answer, with the message about it, adds to the next prompt."""
MESSAGE_TOKENS = 4
"""The approximate tokens of a message beside its text, for its role and the mark of its end."""
