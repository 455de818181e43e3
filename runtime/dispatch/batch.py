"""A batch: calls with the same question, sent as one request. It is a small state machine.

    queued ──▶ out ──▶ landed ──▶ over
      ▲ ▲       │
      │ └ held  ▼
      └───── waiting

A batch is *queued* for a place at its endpoint, *held* until the server has read its prompt for another batch, *out*
with a place and a task, *landed* when its answers are on their way to the disk, *waiting* for another attempt, or
*over*. Without a journal, and after a failure, it is over at once. The data of a state is in the state object, and ends
with it.
"""

from __future__ import annotations

import asyncio
from copy import copy
from dataclasses import field
from typing import Any

from flowrun.dsl import dataclass

from ..engine.decisions import Call
from ..limits import Place, Verdict
from ..limits.retry import Retries
from ..vocabulary.call import Request
from ..vocabulary.errors import AnswerError, CallError
from ..vocabulary.usage import TokenDetail
from .endpoint import Endpoint
from .request_waits import Waited

CHARACTERS = 4
"""The approximate number of characters in a token."""
_IMAGE = 1000
"""The approximate number of tokens of an image."""


@dataclass(frozen=True, slots=True)
class Queued:
    """The state of a batch that waits for a place at its endpoint."""


@dataclass(frozen=True, slots=True)
class Held:
    """The state of a batch that waits for another batch with the same head of its prompt, which is sent first."""


@dataclass(eq=False, slots=True)
class Out:
    """The state of a batch that has a place at the endpoint.

    ``left`` is True if its intent is in the journal and it has been sent, at ``began``, a time of the event loop.
    ``kept`` is True if no call waits for it, but its answer goes into the journal. ``verdict`` is the result of the
    attempt for the state of the server. ``used`` are its tokens, and ``detail`` the special ones among
    them; both are None if not known.
    """

    task: asyncio.Task[None]
    place: Place
    left: bool = False
    began: float = 0.0
    kept: bool = False
    verdict: Verdict = Verdict.NEUTRAL
    used: int | None = None
    detail: TokenDetail | None = None


@dataclass(eq=False, slots=True)
class Landed:
    """The state of a batch whose answers have come. ``written`` ends when they are on the disk.

    Its place is free for the next batch, whose intent so reaches the disk together with these answers.
    """

    out: Out
    written: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The state of a batch that is tried again when its timer rings.

    ``probe`` is True if its last attempt was a probe: the only request that was allowed at the time.
    """

    timer: asyncio.TimerHandle
    probe: bool


@dataclass(frozen=True, slots=True)
class Over:
    """The state of a batch that has ended."""


QUEUED, OVER = Queued(), Over()
"""The states without data. All batches share them."""


@dataclass(frozen=True, slots=True)
class HeadEnd:
    """The end of a head of a prompt, as the number of a message and a place in its text.

    ``key`` identifies the head. ``expected`` counts the calls that are sure to come with it, this one included.
    """

    key: int
    end: tuple[int, int]
    expected: int = 1


@dataclass(eq=False, slots=True)
class BatchPrompt:
    """The prompt of a batch: the approximate number of its tokens, and the ends of its heads, None until looked for.

    ``text`` is the whole prompt, None until it is compared with others.
    """

    tokens: int = 0
    marks: tuple[HeadEnd, ...] | None = None
    text: str | None = None


@dataclass(eq=False, slots=True)
class Batch:
    """A batch. ``calls`` are the calls that wait for its answers, ``asked`` the calls of its last attempt.

    ``prompt`` is their prompt, and ``key`` the Idempotency-Key of ``asked``. A slow batch may have a ``twin``, which is
    sent for the same calls; the first of the two that answers cancels the other. ``seen`` is the number of answers that
    the endpoint had given when the batch last failed. ``waits`` is its waiting since its last attempt.
    """

    number: int
    endpoint: Endpoint
    calls: list[Call]
    retries: Retries
    prompt: BatchPrompt = field(default_factory=BatchPrompt)
    state: Queued | Held | Out | Landed | Waiting | Over = QUEUED
    asked: tuple[Call, ...] = ()
    key: str = ""
    seen: int | None = None
    twin: Batch | None = None
    twin_of: Batch | None = None
    waits: Waited = None

    @property
    def lane(self) -> int:
        return self.calls[0].policy.lane

    @property
    def tokens(self) -> int:
        """The approximate number of tokens that count against a limit: the prompt and the longest possible answers."""
        return self.prompt.tokens + (self.calls[0].request.max_tokens or 0) * len(self.calls)

    @property
    def out(self) -> Out:
        state = self.state
        if isinstance(state, Out):
            return state
        assert isinstance(state, Landed)
        return state.out

    def fits(self, call: Call, samples: int) -> bool:
        """Tell whether a call may join this batch. Its request can have at most ``samples`` answers."""
        alike = self.calls[0].request == call.request and self.retries.tries == call.tries
        return alike and len(self.calls) < samples

    def end(self, *, keep: bool = False) -> None:
        """End a batch for which no call waits.

        With ``keep``, a batch that was sent continues for the journal, because it is paid.
        """
        self.calls = []
        match self.state:
            case Waiting(timer):
                timer.cancel()
                self.state = OVER
            case Out(task, left=True) as out if task is not asyncio.current_task():
                # An unsent batch notices by itself that no call waits. Cancelled here, it would count as sent.
                out.kept = keep
                if not keep:
                    task.cancel()


@dataclass(eq=False, slots=True)
class BatchSender:
    """A task that sends batches, one after another."""

    batch: Batch | None


def prompt_tokens(request: Request) -> int:
    """Return the approximate number of tokens in a prompt."""
    characters = images = 0
    for message in request.messages:
        characters += len(message.text)
        images += len(message.images)
    return characters // CHARACTERS + _IMAGE * images


def part_of(error: CallError, asked: tuple[Call, ...], call: Call) -> CallError:
    """Make the failure of one call from the failure of its request, with the call's part of the bill."""
    if not isinstance(error, AnswerError) or error.usage is None or len(asked) == 1:
        return error
    part = copy(error)
    part.usage = error.usage.parts(len(asked))[asked.index(call)]
    return part
