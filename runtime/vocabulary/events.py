"""What happens in a run, as frozen values: the one account that progress, reports and tests read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .account import Account, Ceiling
from .tally import Tally
from .usage import NO_USAGE, Price, Usage

Json = Any


@dataclass(frozen=True, slots=True)
class RunStarted:
    """``steps`` counts those that run once; blocks tell of the others when they know how many there are."""

    flow: str
    steps: int


@dataclass(frozen=True, slots=True)
class PricesDeclared:
    """What the flow says its models cost, by their addresses."""

    prices: Mapping[str, Price]


@dataclass(frozen=True, slots=True)
class PastCounted:
    """The account of the run before it was interrupted; nothing has been sent since."""

    account: Account


@dataclass(frozen=True, slots=True)
class StepStarted:
    """``path`` names the step through its blocks and the calls of its flow, with the place of each element:
    ``notes[3].draft``. ``kind`` is that of its node: ``ask``, ``map``, ``flow``, ``extern`` …"""

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    path: str
    kind: str
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class StepFailed:
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class ElementLost:
    """An element or a sample that failed, and whose block goes on without it."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class BlockOpened:
    """A map or a repeat knows how many elements it has, at most, of so many steps each; a called flow is one."""

    path: str
    elements: int
    steps: int


@dataclass(frozen=True, slots=True)
class BlockGrew:
    """A map has so many elements more, of so many steps each, than it knew of before."""

    path: str
    elements: int
    steps: int


@dataclass(frozen=True, slots=True)
class BlockClosed:
    """A block has its value; so many of its steps never had to run."""

    path: str
    spared: int


@dataclass(frozen=True, slots=True)
class ElementFinished:
    path: str


@dataclass(frozen=True, slots=True)
class VoteCounted:
    """How a vote ended. ``used`` are the tokens in and out of its answers, by the model's address; None: not known."""

    path: str
    tally: Tally
    used: Mapping[str, tuple[int, int] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnswerRecalled:
    """The journal had the answer to a call: nothing is sent."""

    path: str
    model: str


@dataclass(frozen=True, slots=True)
class CallInDoubt:
    """A call was under way when a run was ended, may have been paid, and is sent again."""

    path: str
    model: str


@dataclass(frozen=True, slots=True)
class CallHedged:
    """A call takes longer than most of its like, and is asked a second time side by side."""

    path: str
    model: str


@dataclass(frozen=True, slots=True)
class RequestStarted:
    """An attempt of a request leaves; it asks for ``calls`` answers, of which ``each`` has so many tokens at most."""

    number: int
    path: str
    model: str
    calls: int
    each: Ceiling = Ceiling(0)


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt has ended without an answer that can be used.

    It was not paid (``refused``), was paid for nothing (``spoilt``, with the bill), or may have been (``doubtful``).
    """

    number: int
    calls: int
    how: Literal["refused", "spoilt", "doubtful"]
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class RequestRetried:
    """An attempt has failed, and another is made after ``wait`` seconds."""

    number: int
    path: str
    reason: str
    wait: float
    calls: int = 1


@dataclass(frozen=True, slots=True)
class RequestFinished:
    """Tokens are None where the server did not say. ``seconds`` is the time from sending to the answer.

    ``answers`` is how many came of the ``calls`` that were asked for; None for all. ``doubtful``: the others may have
    been paid; else they were not.
    """

    number: int
    path: str
    model: str
    calls: int
    seconds: float
    input_tokens: int | None
    output_tokens: int | None
    answers: int | None = None
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class RequestFailed:
    number: int
    path: str
    model: str
    calls: int
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class RequestCancelled:
    """Nobody waits for the answer any more: the vote is decided, or the run ends."""

    number: int
    path: str
    calls: int


@dataclass(frozen=True, slots=True)
class ModelReady:
    """A provider is ready for its first request; a local model took so long to load."""

    model: str
    seconds: float


@dataclass(frozen=True, slots=True)
class AnswerGrew:
    """So many characters of a streamed answer have come."""

    number: int
    path: str
    characters: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the person, such as a model that is being loaded. ``urgent`` is what nobody wants to miss: money."""

    text: str
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class RunFinished:
    status: str
    seconds: float


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
    | Notice
    | RunFinished
)
