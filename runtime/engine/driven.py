"""The side of a state machine that the dispatcher sees: events go in, decisions come out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

from flowrun.dsl import plan as p

from ..vocabulary import events as e
from ..vocabulary.call import Answer
from ..vocabulary.errors import BudgetError, CallError, FlowrunError
from ..vocabulary.json_value import Json
from ..vocabulary.usage import NO_USAGE, Usage
from .decisions import Decision, Outcome
from .machine import Machine
from .prepare import Preparation
from .scopes import Context
from .withheld_calls import Withheld


class Driven(ABC):
    """A state machine of the steps of a plan.

    ``answered``, ``failed`` and the like return decisions; ``events`` collects the events that happen on the way.

    After ``turn`` answers from the journal the machine pauses, so that its decisions and events fill no memory. While
    it is ``paused``, ``go_on`` gives out more.
    """

    plan: p.Plan
    _prepared: Preparation

    def __init__(self, context: Context, externs: Mapping[str, p.Extern], turn: int | None) -> None:
        self._pace = turn
        self._machine = Machine(context, externs)
        self._arrivals: deque[Callable[[], None]] = deque()

    @property
    def events(self) -> list[e.Event]:
        return self._machine.events

    @property
    def withheld(self) -> Withheld:
        """The calls and bodies that the engine keeps back."""
        return self._machine.calls.withheld

    @property
    def holding(self) -> bool:
        """True if a read holds the machine. Then nobody may see its events and decisions yet."""
        return bool(self._machine.reads.holding)

    @property
    def paused(self) -> bool:
        """True if answers from the journal are left to give out."""
        return self._machine.calls.reuses and not self.holding

    @abstractmethod
    def begin(self) -> list[Decision]:
        """Begin the work."""

    @abstractmethod
    def announce(self) -> None:
        """Add the event that begins the work, if it has one, also for work that is stopped before its beginning."""

    @abstractmethod
    def abandoned(self) -> Outcome:
        """Return the outcome of work that is stopped."""

    def go_on(self) -> list[Decision]:
        """Continue after a pause, or after a budget has got more room."""
        return self._drain()

    def widened(self, window: int) -> None:
        """Let blocks without `concurrency` have ``window`` bodies open at once, because so many more calls can go."""
        self._prepared.widen(window)

    def see(self, places: Callable[[str], int | None]) -> None:
        """Take a function that returns the requests that the endpoint of a model takes at once, None if unknown."""
        self._machine.calls.out.places = places

    @property
    def window(self) -> int:
        return self._prepared.windows[0].size

    def answered(self, number: int, answer: Answer, usage: Usage = NO_USAGE) -> list[Decision]:
        """Take an answer and its part of the bill. Ignore it if the call was cancelled in the meantime."""
        return self._take(partial(self._machine.calls.answered, number, answer, usage))

    def failed(self, number: int, error: CallError | BudgetError) -> list[Decision]:
        """Take the failure of a call. Its request is not sent again."""
        return self._take(partial(self._machine.calls.failed, number, error))

    def doubted(self, number: int, *, live: bool = False) -> tuple[bool, list[Decision]]:
        """Tell whether the budgets allow another attempt at a call, after an attempt that may have been paid.

        With ``live`` the attempt was a line of a batch API without an answer, which was not paid.
        """
        afforded = self._machine.calls.doubted(number, live=live)
        return afforded, self._drain()

    def granted(self) -> list[Decision]:
        """Send the calls in line for which the budget of the run has room, after news from the book of its leases."""
        return self._drain()

    def hedged(self, number: int) -> bool:
        """Tell whether the budgets allow a second request for a slow call, beside the first."""
        return self._machine.calls.hedged(number)

    def timed_out(self, number: int) -> list[Decision]:
        """Act on a timer whose time has passed."""
        return self._take(partial(self._machine.timers.over, number))

    def returned(self, number: int, value: Json) -> list[Decision]:
        """Take the value of an extern. The caller has checked that it has the declared type."""
        return self._take(partial(self._machine.externs.returned, number, value))

    def raised(self, number: int, error: FlowrunError) -> list[Decision]:
        """Take the failure of an extern."""
        return self._take(partial(self._machine.externs.failed, number, error))

    def read(self, number: int, value: Json) -> list[Decision]:
        """Take the value of a read, or the FlowrunError if it failed."""
        self._machine.reads.over(number, value)
        return self._drain()

    def slow(self, number: int) -> list[Decision]:
        """Record that a read takes long."""
        self._machine.reads.slow(number)
        return self._drain()

    def _take(self, arrival: Callable[[], None]) -> list[Decision]:
        """Queue an event from outside. It is handled after all earlier events."""
        self._arrivals.append(arrival)
        return self._drain()

    def _drain(self) -> list[Decision]:
        machine, reads, work = self._machine, self._machine.reads, self._machine.work
        given = 0
        while not reads.holding:
            if work:
                work.popleft()()
            elif given == self._pace and machine.calls.reuses:
                break
            elif machine.calls.resume():
                given += 1
            elif self._ended():
                continue
            elif self._arrivals:
                self._arrivals.popleft()()
            else:
                break
        decisions = [*reads.new, *self._given_out()]
        reads.new.clear()
        return decisions

    def _ended(self) -> bool:
        """Act on the end of the start or of the run, if there is nothing left to do. Return False if it is neither."""
        return False

    def _given_out(self) -> list[Decision]:
        """Take the decisions that may be seen."""
        if self.holding:
            return []
        decisions = self._machine.decisions
        out = decisions[:]
        decisions.clear()
        return out
