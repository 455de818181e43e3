"""The events of a run, as frozen values. Progress, reports and tests all read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .account import Account, Ceiling
from .tally import Tally
from .usage import NO_USAGE, Price, Usage


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run has started. ``steps`` counts the steps that run once; blocks report their other steps when they open."""

    flow: str
    steps: int


@dataclass(frozen=True, slots=True)
class PricesDeclared:
    """The prices that the flow declares for its models, by their addresses."""

    prices: Mapping[str, Price]


@dataclass(frozen=True, slots=True)
class PastCounted:
    """The account of the run before it was interrupted; nothing has been sent since."""

    account: Account


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step has begun.

    ``path`` names the step through its blocks and the calls of its flow, with the place of each element:
    ``notes[3].draft``. ``kind`` is the kind of its node: ``ask``, ``map``, ``flow``, ``extern`` …
    """

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
    """An element or a sample has failed, and its block goes on without it."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class BlockOpened:
    """A map, a repeat or a call of a flow begins. It has at most ``elements`` bodies of ``steps`` steps each.

    A call of a flow has one body.
    """

    path: str
    elements: int
    steps: int


@dataclass(frozen=True, slots=True)
class BlockGrew:
    """A map has got ``elements`` more elements, of ``steps`` steps each."""

    path: str
    elements: int
    steps: int


@dataclass(frozen=True, slots=True)
class BlockClosed:
    """A block has ended, and ``spared`` of its steps did not have to run."""

    path: str
    spared: int


@dataclass(frozen=True, slots=True)
class ElementFinished:
    path: str


@dataclass(frozen=True, slots=True)
class VoteCounted:
    """A vote has ended. ``used`` are the tokens in and out of its answers by the model's address; None: not known."""

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
    """A call takes longer than most similar calls, and is sent a second time, side by side."""

    path: str
    model: str


@dataclass(frozen=True, slots=True)
class RequestStarted:
    """An attempt at a request leaves. It asks for ``calls`` answers; ``each`` is the most tokens of one such call."""

    number: int
    path: str
    model: str
    calls: int
    each: Ceiling = Ceiling(0)


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt has ended without a usable answer.

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
    """A request has its reply. ``seconds`` is the time from sending to the reply.

    Tokens are None if the server did not report them. ``answers`` is the number of answers that came to the ``calls``
    of the request; None for all. ``doubtful``: the calls without an answer may have been paid; otherwise they were not.
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
    """A request is cancelled, for its answer is not needed any more: the vote is decided, or the run ends."""

    number: int
    path: str
    calls: int


@dataclass(frozen=True, slots=True)
class ModelReady:
    """A provider is ready for its first request. ``seconds`` is the time that its start, such as loading, took."""

    model: str
    seconds: float


@dataclass(frozen=True, slots=True)
class AnswerGrew:
    """A part of a streamed answer has come. ``characters`` is the number of characters so far."""

    number: int
    path: str
    characters: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the user, such as that a model is being loaded. ``urgent`` lines must not be missed: they tell of
    money."""

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
