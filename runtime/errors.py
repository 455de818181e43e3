"""What can go wrong with a call, sorted by what may be done about it."""

from __future__ import annotations


class FlowrunError(Exception):
    """Base of every failure that a user can cause or meet; its text is fit to print."""


class UsageError(FlowrunError):
    """The command or the caller asked for something that cannot be: a missing input, an unknown model."""


class InputError(UsageError):
    """An input of the flow is missing, unreadable or of another type than its parameter."""


class CallError(FlowrunError):
    """A call to a model failed.

    ``retry_after`` is in seconds from now, and None where the server named no time.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class RefusedError(CallError):
    """The server did not take the request (429, 503, 529, no connection): sending it again is safe."""


class InDoubtError(CallError):
    """The server may have done the work (500, 502, 504, a time-out, a reset after sending): it may have been paid."""


class PermanentError(CallError):
    """Sending the same request again cannot help (other 4xx, a missing key, an exhausted quota)."""


class AnswerError(CallError):
    """The answer came and was paid for, but cannot be used: empty, cut off, filtered, or of the wrong type.

    ``text`` is what the model said, as far as it came.
    """

    def __init__(self, message: str, *, text: str = "") -> None:
        super().__init__(message)
        self.text = text


class BudgetError(FlowrunError):
    """The next call would go beyond what the flow may spend: it is not made."""


class PlanError(FlowrunError):
    """A plan breaks a rule that the checker holds: it was edited, or made by something else."""
