"""The source of a replay: it tells the state machine everything that a run hears from outside."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from flowrun.dsl import dataclass

from ..engine.decisions import NOTHING, Call, Known, LaunchExtern, Read
from ..vocabulary.call import Answer
from ..vocabulary.errors import BudgetError, CallError
from ..vocabulary.events import Event
from ..vocabulary.json_value import Json
from ..vocabulary.usage import NO_USAGE, Usage


@dataclass(frozen=True, slots=True)
class Came:
    """The answer to a call, or the failure of the call. ``number`` is the number of the call."""

    number: int
    what: Answer | CallError | BudgetError
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class Doubted:
    """An attempt at a call failed and may have been paid. The call is sent again if its budgets allow it."""

    number: int


@dataclass(frozen=True, slots=True)
class Hedged:
    """A call was sent a second time, beside the first."""

    number: int


@dataclass(frozen=True, slots=True)
class Returned:
    """The value of a call of an extern, or its failure. ``number`` is the number of that call."""

    number: int
    value: Json


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The time of a timer has passed."""

    number: int


@dataclass(frozen=True, slots=True)
class Widened:
    """Blocks without `concurrency` may have this many bodies open at once."""

    window: int


Happening = Came | Doubted | Hedged | Returned | TimedOut | Widened


class _Unknown:
    """The value of a read or an extern that a source does not know."""


UNKNOWN: Final = _Unknown()


class AnswerSource:
    """A source of answers. Subclasses must define ``answer``, or else ``next``.

    The replay tells the source of each call with ``launched`` and ``cancelled``. Then it asks for the ``next``
    happening. The usual ``next`` answers the calls one by one, in the order in which they were launched. A source that
    knows the order of a run, such as a journal, has a ``next`` of its own.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, Call] = {}
        self._externs: deque[LaunchExtern] = deque()

    def known(self, call: Call) -> Known:
        """Look up an answer that was there before the run began, or before it was resumed."""
        return NOTHING

    def answer(self, call: Call) -> Answer | CallError | None:
        """Return the answer to a call or its failure; None if there is neither.

        A call whose answer did not fit is asked for again, with a higher ``call.sample.again``.
        """
        return None

    def extern(self, launch: LaunchExtern) -> Json:
        """Return the value of a call of an extern, a FlowrunError for its failure, or UNKNOWN."""
        return UNKNOWN

    def read(self, read: Read) -> Json:
        """Return the value of a read of a file, a FlowrunError for its failure, or UNKNOWN."""
        return UNKNOWN

    def launched(self, call: Call) -> None:
        """Hear that a call is sent."""
        self._waiting[call.number] = call

    def cancelled(self, call: Call) -> None:
        """Hear that nothing needs the answer to a call any more."""
        self._waiting.pop(call.number, None)

    def launched_extern(self, launch: LaunchExtern) -> None:
        """Hear that an extern is called."""
        self._externs.append(launch)

    def started(self, timer: int, seconds: float) -> None:
        """Hear that a timer was started."""

    def stopped(self, timer: int) -> None:
        """Hear that a timer was stopped."""

    def allowed(self, happening: Doubted | Hedged) -> None:
        """Hear that the budgets allow another request for a call."""

    def noted(self, events: Sequence[Event]) -> None:
        """Hear the events of the flow since the last time."""

    def next(self) -> Happening | None:
        """Return what happens next; None if nothing more happens."""
        while self._externs:
            launch = self._externs.popleft()
            value = self.extern(launch)
            if value is not UNKNOWN:
                return Returned(launch.number, value)
        for number, call in list(self._waiting.items()):
            del self._waiting[number]
            answer = self.answer(call)
            if answer is not None:
                return Came(number, answer)
        return None


class Replies(AnswerSource):
    """The lines of a scripted test: each call takes the next line that is left, in the order of the calls.

    ``by_path`` has lines for the calls of one path, which take them first.
    """

    def __init__(self, lines: list[str] | tuple[str, ...], by_path: dict[str, list[str]] | None = None) -> None:
        super().__init__()
        self._lines = deque(lines)
        self._by_path = {path: deque(own) for path, own in (by_path or {}).items()}

    def answer(self, call: Call) -> Answer | None:
        own = self._by_path.get(call.path)
        lines = own or self._lines
        return Answer(lines.popleft()) if lines else None
