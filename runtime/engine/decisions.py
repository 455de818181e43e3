"""What the state machine wants done: the whole vocabulary between deciding and acting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..journal.index import Open
from ..reducers import ReduceError, UndecidedError
from ..vocabulary.account import Ceiling
from ..vocabulary.call import Answer, Request
from ..vocabulary.errors import (
    AnswerError,
    BudgetError,
    DiskError,
    EndpointError,
    FlowrunError,
    InDoubtError,
    ModelError,
    RefusedError,
)
from ..vocabulary.tally import Tally
from ..vocabulary.usage import NO_USAGE, Usage

Json = Any


@dataclass(eq=False, slots=True)
class Call:
    """One answer to be had. ``number`` is unique in the run; ``path`` names the step for people.

    Calls of one ``group`` that ask the same may go out as one request; ``patient`` ones may wait for the first of
    them, where that makes the others cheaper. ``retries`` is how often a request that failed on the way may be sent
    again, None for the usual number. ``sample`` is the place among several that ask the same, ``again`` how often an
    answer to it was no answer; ``place`` tells it from every other call of the flow. A request
    that takes longer than the part ``hedge`` of its like may be sent once more.
    Calls of different ``lane``, the outermost block, take turns. ``tries`` are the attempts at it that failed, where it
    is to be sent anew, and ``budgeted`` says that it counts in the budget of a called flow. ``ceiling`` is the most
    that it can take, once that is worked out. ``key`` and ``open`` are what the journal knows it by,
    and the attempts at it whose end nobody saw.
    """

    number: int
    path: str
    model: str
    request: Request
    group: tuple[int, str] | None = None
    patient: bool = False
    retries: int | None = None
    sample: int = 0
    again: int = 0
    place: str = ""
    lane: int = 0
    hedge: float | None = None
    ceiling: Ceiling | None = None
    key: bytes = b""
    open: tuple[Open, ...] = ()
    tries: int = 0
    budgeted: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal has of a call: the answer to it, good or not, if it was ever paid for.

    ``open`` are attempts of any run that was ended while it waited for just this.
    """

    key: bytes = b""
    answer: Answer | AnswerError | None = None
    usage: Usage = NO_USAGE
    open: tuple[Open, ...] = ()


NOTHING = Known()


@dataclass(frozen=True, slots=True)
class Launch:
    call: Call


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody waits for the answer any more. ``keep``: one that is under way is paid for, and is for the journal."""

    number: int
    keep: bool = False


@dataclass(frozen=True, slots=True)
class LaunchExtern:
    """An extern is to be called with these arguments. Numbers of externs are their own."""

    number: int
    path: str
    extern: str
    args: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class CancelExtern:
    number: int


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Tell when so many seconds are over. Numbers of timers are their own."""

    number: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StopTimer:
    number: int


@dataclass(frozen=True, slots=True)
class HandOn:
    """The next result of the list that the flow returns, for whoever takes them one by one."""

    value: Json


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, and at which step or element. A ``ballot`` is a sample of a vote, which speaks of it itself."""

    path: str
    reason: str
    error: FlowrunError | None = None
    ballot: bool = False

    @property
    def abstains(self) -> bool:
        """Whether an answer came, and is none. Of all else another try may make a ballot: a vote misses it."""
        unsettled = isinstance(self.error, UndecidedError)
        return isinstance(self.error, AnswerError | ReduceError) and not unsettled

    @property
    def sent(self) -> bool:
        """Whether anybody was asked before it failed."""
        return not isinstance(self.error, BudgetError)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a flow ended.

    ``value`` is what it returns, and None where that could not be made. ``failures`` ended steps; ``losses`` are
    elements and samples that the flow did without. ``tallies`` are the votes by the path of their step. ``stopped`` is
    what ended the run before its time; ``steps`` are the values that its steps had by then.
    """

    value: Json
    complete: bool
    failures: tuple[Failure, ...] = ()
    losses: tuple[Failure, ...] = ()
    tallies: dict[str, Tally] = field(default_factory=dict)
    stopped: FlowrunError | None = None
    steps: dict[str, Json] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """``done``, ``partial`` (the answer lacks something), ``failed``, ``budget``, ``stopped`` or ``disk``."""
        if isinstance(self.stopped, DiskError):
            return "disk"
        if self.stopped is not None:
            return "stopped"
        missing = [*self.failures, *(loss for loss in self.losses if not loss.ballot)]
        if any(isinstance(one.error, BudgetError) for one in (*self.failures, *self.losses)):
            return "budget"
        if not self.complete:
            return "failed"
        return "partial" if missing else "done"

    @property
    def resumable(self) -> bool:
        """Going on may bring what is missing: the run has no value, or did without what its server did not give."""
        if self.status != "partial":
            return self.status != "done"
        return any(isinstance(one.error, _OUTSIDE) for one in (*self.failures, *self.losses) if not one.ballot)


_OUTSIDE = (RefusedError, InDoubtError, EndpointError, ModelError)


@dataclass(frozen=True, slots=True)
class Finish:
    outcome: Outcome


Decision = Launch | Cancel | LaunchExtern | CancelExtern | StartTimer | StopTimer | HandOn | Finish
