"""A batch: calls that ask the same, sent as one request. It is a small state machine.

    queued ──▶ out ──▶ over
      ▲ ▲       │
      │ └ held  ▼
      └───── waiting

A batch is *queued* for a place at its endpoint, *held* until a prompt has been read once, *out* with a place and a
task, *waiting* to be tried again, or *over*. What belongs to a state lives in it, and goes with it.
"""

from __future__ import annotations

import asyncio
from copy import copy
from dataclasses import dataclass

from ..engine.decisions import Call
from ..limits import Place, Verdict
from ..limits.retry import Retries
from ..vocabulary.call import Request
from ..vocabulary.errors import AnswerError, CallError
from .endpoint import Endpoint

_CHARACTERS = 4
"""About so many make a token."""


@dataclass(frozen=True, slots=True)
class Queued:
    """In line at the endpoint."""


@dataclass(frozen=True, slots=True)
class Held:
    """Behind another batch that reads the same prompt first."""


@dataclass(eq=False, slots=True)
class Out:
    """At the endpoint, with a place. It ``left`` when its intent was written; ``kept``: its answer is for the journal.

    ``verdict`` and ``used`` (tokens, None where nobody knows) are what the attempt says of the server.
    """

    task: asyncio.Task[None]
    place: Place
    left: bool = False
    kept: bool = False
    verdict: Verdict = Verdict.NEUTRAL
    used: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """To be tried again when the timer rings. ``probe``: its last attempt was the only one that could leave."""

    timer: asyncio.TimerHandle
    probe: bool


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing more comes of it."""


@dataclass(eq=False, slots=True)
class Batch:
    """``calls`` are those that somebody waits for, ``asked`` those of its last attempt.

    ``prompt`` is about how many tokens their prompt has; ``key`` is the Idempotency-Key of ``asked``. A request that
    takes long may have a ``twin``, which is sent for the same calls; whichever answers first breaks off the other.
    ``seen`` is how many answers the endpoint had given when the batch failed last.
    """

    number: int
    endpoint: Endpoint
    calls: list[Call]
    retries: Retries
    prompt: int = 0
    state: Queued | Held | Out | Waiting | Over = Queued()
    asked: tuple[Call, ...] = ()
    key: str = ""
    seen: int | None = None
    twin: Batch | None = None
    twin_of: Batch | None = None

    @property
    def lane(self) -> int:
        return self.calls[0].lane

    @property
    def tokens(self) -> int:
        """About what it takes of a limit on tokens: its prompt, and what may be answered."""
        return self.prompt + (self.calls[0].request.max_tokens or 0) * len(self.calls)

    @property
    def out(self) -> Out:
        assert isinstance(self.state, Out)
        return self.state

    def fits(self, call: Call, samples: int) -> bool:
        """Whether a call may come along in this request, for which so many answers are served at once."""
        alike = self.calls[0].request == call.request and self.retries.tries == call.tries
        return alike and len(self.calls) < samples

    def end(self, *, keep: bool = False) -> None:
        """Nobody waits for it any more. ``keep``: what has left is paid, and its answer is to come for the journal."""
        self.calls = []
        match self.state:
            case Waiting(timer):
                timer.cancel()
                self.state = Over()
            case Out(task, left=True) as out if task is not asyncio.current_task():
                # One that has not left sees by itself that nobody waits: broken off here it would look as if it had.
                out.kept = keep
                if not keep:
                    task.cancel()


def prompt_tokens(request: Request) -> int:
    """About how many tokens a prompt has."""
    return sum(len(message.text) for message in request.messages) // _CHARACTERS


def part_of(error: CallError, asked: tuple[Call, ...], call: Call) -> CallError:
    """The failure of one of the calls that were asked in one request, with that call's part of the bill."""
    if not isinstance(error, AnswerError) or error.usage is None or len(asked) == 1:
        return error
    part = copy(error)
    part.usage = error.usage.parts(len(asked))[asked.index(call)]
    return part
