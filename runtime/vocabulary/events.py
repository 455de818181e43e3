"""The events of a run, as frozen values. The progress display, reports and tests all use them.

Events pair up. ``StepFinished`` and ``StepFailed`` follow one ``StepStarted`` of the same path, ``BlockClosed`` follows
one ``BlockOpened``, and the end of an attempt follows one ``RequestStarted`` (see ``request_events``). ``RunFinished``
is the last event and ends all that is still open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from flowrun.dsl import dataclass

from .account import Account
from .errors import FlowrunError
from .moment import Moment
from .request_events import (
    AnswerGrew,
    AnswerRecalled,
    AttemptFailed,
    CallHedged,
    CallInDoubt,
    CarriedCall,
    RequestCancelled,
    RequestFailed,
    RequestFinished,
    RequestRetried,
    RequestStarted,
)
from .submission import SubmissionMoved
from .tally import Tally
from .usage import Price
from .waits import NO_WAITS, Waiting, Waits

__all__ = [
    "AnswerGrew",
    "AnswerRecalled",
    "AttemptFailed",
    "BlockClosed",
    "BlockGrew",
    "BlockOpened",
    "CallHedged",
    "CallInDoubt",
    "CarriedCall",
    "ElementFinished",
    "ElementLost",
    "Event",
    "LimitsSet",
    "ModelReady",
    "Moment",
    "Notice",
    "PastCounted",
    "PricesDeclared",
    "RequestCancelled",
    "RequestFailed",
    "RequestFinished",
    "RequestRetried",
    "RequestStarted",
    "RunFinished",
    "RunStarted",
    "StepFailed",
    "StepFinished",
    "StepStarted",
    "SubmissionMoved",
    "VoteCounted",
]


@dataclass(frozen=True, slots=True)
class RunStarted(Moment):
    """A run has started. ``steps`` counts the steps that run once. Blocks report their other steps when they open."""

    flow: str
    steps: int


@dataclass(frozen=True, slots=True)
class PricesDeclared(Moment):
    """The prices that the flow declares for its models, by the address of the model."""

    prices: Mapping[str, Price]


@dataclass(frozen=True, slots=True)
class PastCounted(Moment):
    """The account of a resumed run before it was interrupted. Nothing has been sent since then."""

    account: Account


@dataclass(frozen=True, slots=True)
class StepStarted(Moment):
    """A step has begun.

    ``path`` names the step with the blocks, elements and called flows around it: ``notes[3].draft``. ``kind`` is the
    kind of its node: ``ask``, ``map``, ``flow``, ``extern`` …
    """

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class StepFinished(Moment):
    """A step has its value. If it is ``skipped``, its `when` is false, and it did not run."""

    path: str
    kind: str
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class StepFailed(Moment):
    """A step has failed by itself. A step that fails because of another step has no event. ``error`` is the cause."""

    path: str
    reason: str
    error: FlowrunError | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ElementLost(Moment):
    """An element, a sample or a branch has failed, and its block continues without it.

    ``path`` is where it failed: ``notes[3].draft`` or ``notes[3]``. ``element`` is the path of the element itself, and
    of a branch. It is "" if a question of a reducer stays without an answer, which is lost at ``best.reduce[3]``.
    ``error`` is the cause.
    """

    path: str
    reason: str
    element: str = field(default="", compare=False)
    error: FlowrunError | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class BlockOpened(Moment):
    """A map, a repeat or a call of a flow begins. It has at most ``elements`` bodies with ``steps`` steps each.

    A map over a growing list may get more elements later: ``BlockGrew`` reports them.
    """

    path: str
    elements: int
    steps: int


@dataclass(frozen=True, slots=True)
class BlockGrew(Moment):
    """A map has ``elements`` more elements than before, with ``steps`` steps each."""

    path: str
    elements: int
    steps: int


@dataclass(frozen=True, slots=True)
class BlockClosed(Moment):
    """A block takes no more results: it is done, has failed or is cancelled. ``spared`` of its steps need not run."""

    path: str
    spared: int


@dataclass(frozen=True, slots=True)
class ElementFinished(Moment):
    """A body of a map or a repeat has its value."""

    path: str


@dataclass(frozen=True, slots=True)
class VoteCounted(Moment):
    """A vote has ended. ``used`` are the tokens in and out of its answers by the model's address, None if unknown.

    ``calls`` counts these answers, those of votes inside it included.
    """

    path: str
    tally: Tally
    used: Mapping[str, tuple[int, int] | None] = field(default_factory=dict)
    calls: int = 0


@dataclass(frozen=True, slots=True)
class ModelReady(Moment):
    """A provider is ready for its first request. ``seconds`` is the time that its start, such as loading, took."""

    model: str
    seconds: float


@dataclass(frozen=True, slots=True)
class LimitsSet(Moment):
    """The limits of a run: its budget in calls and in dollars, None for none.

    ``waiting`` returns what calls wait for at this moment. It may be called from any thread.
    """

    calls: int | None
    dollars: float | None
    waiting: Callable[[], Sequence[Waiting]] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Notice(Moment):
    """A line for the user, for example that a model is being loaded.

    An ``urgent`` line must not be missed: it is about money.
    """

    text: str
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class RunFinished(Moment):
    """A run has ended. ``waits`` has the seconds in which calls were ready and could not be sent, by their cause."""

    status: str
    seconds: float
    waits: Waits = NO_WAITS


Event = (
    RunStarted
    | PricesDeclared
    | PastCounted
    | StepStarted
    | StepFinished
    | StepFailed
    | ElementLost
    | BlockOpened
    | BlockGrew
    | BlockClosed
    | ElementFinished
    | VoteCounted
    | AnswerGrew
    | AnswerRecalled
    | CallInDoubt
    | CallHedged
    | RequestStarted
    | AttemptFailed
    | RequestRetried
    | RequestFinished
    | RequestFailed
    | RequestCancelled
    | ModelReady
    | SubmissionMoved
    | LimitsSet
    | Notice
    | RunFinished
)
