"""The events of requests: each attempt at a request begins once and ends once.

An attempt begins with ``RequestStarted``. It ends with ``RequestFinished``, ``RequestRetried``, ``RequestFailed`` or
``RequestCancelled`` of the same number. Only the next attempt at the same request has that number again. The end of the
run ends the attempts that are left. A question to a person has a number below zero.

Prompts and answers are references to what the run holds itself, so an event costs no copy. A listener that keeps events
also keeps these texts in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, Protocol

from flowrun.dsl import dataclass

from .account import Ceiling
from .call import Answer, Message, Request
from .errors import AnswerError, CallError
from .moment import Moment
from .receipt import Receipt
from .usage import NO_USAGE, Usage
from .waits import Cause

_NO_WAITS: Mapping[Cause, int] = {}


class CarriedCall(Protocol):
    """A call that a request carries. ``path`` names its step, and ``place`` tells it from every other call.

    ``model`` is the address of its model. ``messages`` is the prompt of ``request``.
    """

    @property
    def path(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def request(self) -> Request: ...
    @property
    def messages(self) -> tuple[Message, ...]: ...


@dataclass(frozen=True, slots=True)
class AnswerRecalled(Moment):
    """The journal has the answer to a call, so nothing is sent. ``answer`` is an error if the answer cannot be used."""

    path: str
    model: str
    call: CarriedCall | None = field(default=None, compare=False, repr=False)
    answer: Answer | AnswerError | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CallInDoubt(Moment):
    """A call that may have been paid is sent again. An earlier attempt at it was under way when a run ended."""

    path: str
    model: str
    call: CarriedCall | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CallHedged(Moment):
    """A call takes longer than most similar calls, so it is sent a second time, beside the first."""

    path: str
    model: str
    call: CarriedCall | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RequestStarted(Moment):
    """An attempt at a request is sent. It asks for ``calls`` answers; ``each`` has the most tokens of one such call.

    ``carried`` are these calls, all samples among them. ``waited`` has the milliseconds before the attempt, by cause.
    ``attempt`` counts the attempts at the request from 1. ``beside`` is the number of the request whose calls it
    carries a second time, 0 for none.
    """

    number: int
    path: str
    model: str
    calls: int
    each: Ceiling = Ceiling(0)
    carried: tuple[CarriedCall, ...] = field(default=(), compare=False, repr=False)
    waited: Mapping[Cause, int] = field(default_factory=lambda: _NO_WAITS, compare=False)
    attempt: int = field(default=1, compare=False)
    beside: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class AttemptFailed(Moment):
    """An attempt has ended without a usable answer. The end of its request follows.

    ``refused``: it was not paid. ``spoilt``: it was paid, with this bill. ``doubtful``: it may have been paid.
    ``error`` is the cause, with the HTTP ``status``. The error of a spoilt attempt has the ``text`` of the answer.
    """

    number: int
    calls: int
    how: Literal["refused", "spoilt", "doubtful"]
    usage: Usage = NO_USAGE
    error: CallError | None = field(default=None, compare=False, repr=False)

    @property
    def reason(self) -> str:
        """The cause in words."""
        return "" if self.error is None else str(self.error)


@dataclass(frozen=True, slots=True)
class RequestRetried(Moment):
    """An attempt has failed, and another is made after ``wait`` seconds. ``error`` is the cause."""

    number: int
    path: str
    reason: str
    wait: float
    calls: int = 1
    carried: tuple[CarriedCall, ...] = field(default=(), compare=False, repr=False)
    error: CallError | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Bill:
    """The bill of a reply: its tokens by class, and its receipt if it has one."""

    usage: Usage
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class RequestFinished(Moment):
    """A request has its reply. ``seconds`` is the time from sending to the reply.

    Tokens are None if the server did not report them. ``answers`` is the number of answers to the ``calls`` of the
    request; None for all. ``doubtful`` says that the calls without an answer may have been paid; otherwise they were
    not. ``came`` are the answers themselves, in the order of the ``carried`` calls. If the run has a journal, they are
    on the disk before this event.
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
    carried: tuple[CarriedCall, ...] = field(default=(), compare=False, repr=False)
    came: tuple[Answer, ...] = field(default=(), compare=False, repr=False)
    bill: Bill | None = field(default=None, compare=False, repr=False)

    @property
    def usage(self) -> Usage:
        """The tokens of the reply, by class if they are known."""
        return Usage(self.input_tokens, self.output_tokens) if self.bill is None else self.bill.usage


@dataclass(frozen=True, slots=True)
class RequestFailed(Moment):
    """A request has failed for good. ``error`` is the cause."""

    number: int
    path: str
    model: str
    calls: int
    seconds: float
    reason: str
    carried: tuple[CarriedCall, ...] = field(default=(), compare=False, repr=False)
    error: CallError | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RequestCancelled(Moment):
    """A request is cancelled because its answer is not needed any more: the vote is decided, or the run ends.

    ``open`` is True if the answer was still wanted. Then the attempt has no end in the journal, and it is in doubt.
    """

    number: int
    path: str
    calls: int
    carried: tuple[CarriedCall, ...] = field(default=(), compare=False, repr=False)
    open: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class AnswerGrew(Moment):
    """A part of a streamed answer has come. ``characters`` is the number of characters so far."""

    number: int
    path: str
    characters: int
