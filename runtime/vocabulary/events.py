"""The events of a run, as frozen values. The progress display, reports and tests all use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from .account import Account, Ceiling
from .frozen import frozen
from .tally import Tally
from .usage import NO_USAGE, Price, Usage


@frozen
class RunStarted:
    """A run has started. ``steps`` counts the steps that run once. Blocks report their other steps when they open."""

    flow: str
    steps: int


@frozen
class PricesDeclared:
    """The prices that the flow declares for its models, by the address of the model."""

    prices: Mapping[str, Price]


@frozen
class PastCounted:
    """The account of a resumed run before it was interrupted. Nothing has been sent since then."""

    account: Account


@frozen
class StepStarted:
    """A step has begun.

    ``path`` names the step with the blocks, elements and called flows around it: ``notes[3].draft``. ``kind`` is the
    kind of its node: ``ask``, ``map``, ``flow``, ``extern`` …
    """

    path: str
    kind: str


@frozen
class StepFinished:
    path: str
    kind: str
    skipped: bool = False


@frozen
class StepFailed:
    path: str
    reason: str


@frozen
class ElementLost:
    """An element or a sample has failed, and its block continues without it."""

    path: str
    reason: str


@frozen
class BlockOpened:
    """A map, a repeat or a call of a flow begins. It has at most ``elements`` bodies with ``steps`` steps each."""

    path: str
    elements: int
    steps: int


@frozen
class BlockGrew:
    """A map has ``elements`` more elements than before, with ``steps`` steps each."""

    path: str
    elements: int
    steps: int


@frozen
class BlockClosed:
    """A block has ended. ``spared`` of its steps did not have to run."""

    path: str
    spared: int


@frozen
class ElementFinished:
    path: str


@frozen
class VoteCounted:
    """A vote has ended. ``used`` are the tokens in and out of its answers by the model's address, None if unknown."""

    path: str
    tally: Tally
    used: Mapping[str, tuple[int, int] | None] = field(default_factory=dict)


@frozen
class AnswerRecalled:
    """The journal has the answer to a call, so nothing is sent."""

    path: str
    model: str


@frozen
class CallInDoubt:
    """A call that may have been paid is sent again. An earlier attempt at it was under way when a run ended."""

    path: str
    model: str


@frozen
class CallHedged:
    """A call takes longer than most similar calls, so it is sent a second time, beside the first."""

    path: str
    model: str


@frozen
class RequestStarted:
    """An attempt at a request is sent. It asks for ``calls`` answers; ``each`` has the most tokens of one such call."""

    number: int
    path: str
    model: str
    calls: int
    each: Ceiling = Ceiling(0)


@frozen
class AttemptFailed:
    """An attempt has ended without a usable answer.

    ``refused``: it was not paid. ``spoilt``: it was paid, with this bill. ``doubtful``: it may have been paid.
    """

    number: int
    calls: int
    how: Literal["refused", "spoilt", "doubtful"]
    usage: Usage = NO_USAGE


@frozen
class RequestRetried:
    """An attempt has failed, and another is made after ``wait`` seconds."""

    number: int
    path: str
    reason: str
    wait: float
    calls: int = 1


@frozen
class RequestFinished:
    """A request has its reply. ``seconds`` is the time from sending to the reply.

    Tokens are None if the server did not report them. ``answers`` is the number of answers to the ``calls`` of the
    request; None for all. ``doubtful`` says that the calls without an answer may have been paid; otherwise they were
    not.
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


@frozen
class RequestFailed:
    number: int
    path: str
    model: str
    calls: int
    seconds: float
    reason: str


@frozen
class RequestCancelled:
    """A request is cancelled because its answer is not needed any more: the vote is decided, or the run ends."""

    number: int
    path: str
    calls: int


@frozen
class ModelReady:
    """A provider is ready for its first request. ``seconds`` is the time that its start, such as loading, took."""

    model: str
    seconds: float


@frozen
class AnswerGrew:
    """A part of a streamed answer has come. ``characters`` is the number of characters so far."""

    number: int
    path: str
    characters: int


@frozen
class Notice:
    """A line for the user, for example that a model is being loaded.

    An ``urgent`` line must not be missed: it is about money.
    """

    text: str
    urgent: bool = False


@frozen
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
