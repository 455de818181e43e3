"""The terms of batch APIs. A *submission* is a list of requests that such an API takes at once; each is a *line*."""

from __future__ import annotations

from flowrun.dsl import dataclass

from .amounts import count_text
from .errors import CallError, FlowrunError, RefusedError
from .moment import Moment


class LineError(CallError):
    """A line of a submission has no answer and was not paid: it failed, expired or was cancelled."""


class DamagedError(RefusedError):
    """The results of a submission could be read in part: lines of them are missing, or are no JSON."""


class SubmittedError(FlowrunError):
    """The run has done all that it can without the answers of batch APIs, and does not wait for them."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        super().__init__(
            f"{count_text(lines, 'line')} submitted to a batch API; this run does not wait for the answers"
        )


class UnreadError(SubmittedError):
    """The server does not let this run read the answers of a submission, for example because it refuses the key."""

    def __init__(self, why: str, lines: int) -> None:
        self.lines = lines
        FlowrunError.__init__(self, f"{why}; {count_text(lines, 'line')} submitted to a batch API cannot be read")


@dataclass(frozen=True, slots=True)
class GatheringTimes:
    """The times of a gathering, in seconds.

    A submission is sent ``quiet`` seconds after its last request, but at most ``longest`` after its first. Its state is
    asked for after ``first`` seconds, and then in pauses that grow to ``most``. A refused submission is tried again for
    ``patience`` seconds.
    """

    quiet: float = 2.0
    longest: float = 60.0
    first: float = 1.0
    most: float = 60.0
    patience: float = 900.0


@dataclass(frozen=True, slots=True)
class SubmissionMoved(Moment):
    """A submission has another state. ``done`` of its ``lines`` have ended, 0 if the server does not tell.

    ``state`` is the server's own word, or ``submitted``, or ``read`` when all its answers have been read.
    """

    tag: str
    model: str
    lines: int
    state: str
    done: int = 0
