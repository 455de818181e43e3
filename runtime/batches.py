"""What a sender holds: requests, the endpoints that they wait for, and whom it tells what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field

from .decisions import Call
from .errors import AnswerError, CallError, DiskError
from .limits import Limiter, Verdict
from .metering import Usage
from .providers.protocol import Answer, Provider
from .queues import FairQueue
from .retry import Retries, RetryPolicy


@dataclass(eq=False, slots=True)
class Batch:
    """Calls that ask the same, sent as one request; ``calls`` are those that somebody waits for.

    ``prompt`` is about how many tokens their prompt has. A request that takes long may have a ``twin``, which is sent
    for the same calls; whichever answers first breaks off the other. ``asked`` are the calls of its last attempt, and
    ``key`` the Idempotency-Key of that. ``followers`` wait for its first attempt to end, and ``leads`` is the prompt
    that they share with it. ``seen`` is how many answers its endpoint had given when it failed last, and it was a
    ``probe`` if nothing else could leave then.
    """

    number: int
    calls: list[Call]
    retries: Retries
    asked: tuple[Call, ...] = ()
    key: str = ""
    left: bool = False
    kept: bool = False
    verdict: Verdict = Verdict.NEUTRAL
    used: int | None = None
    prompt: int = 0
    twin: Batch | None = None
    twin_of: Batch | None = None
    seen: int | None = None
    probe: bool = False
    leads: tuple[str, tuple[int, str], int] | None = None
    followers: list[Batch] = field(default_factory=list)

    @classmethod
    def of(cls, number: int, call: Call, usual: RetryPolicy, prompt: int) -> Batch:
        """A request for one call, which has the attempts that the call has left."""
        policy = usual
        if call.retries is not None:
            policy = RetryPolicy(call.retries + 1, usual.wait_initial, usual.wait_max, usual.total)
        retries = Retries(policy, asyncio.get_running_loop().time(), tries=call.tries, made=call.tries)
        return cls(number, [call], retries, prompt=prompt)

    def fits(self, call: Call, samples: int) -> bool:
        """Whether a call may come along in this request, for which so many answers are served at once."""
        alike = self.calls[0].request == call.request and self.retries.tries == call.tries
        return alike and len(self.calls) < samples

    @property
    def lane(self) -> int:
        return self.calls[0].lane

    @property
    def tokens(self) -> int:
        """About what it takes of a limit on tokens: its prompt, and what may be answered."""
        return self.prompt + (self.calls[0].request.max_tokens or 0) * len(self.calls)

    def part_of(self, error: CallError, call: Call) -> CallError:
        """The failure of one of its calls, with that call's part of the bill."""
        if not isinstance(error, AnswerError) or error.usage is None or len(self.asked) == 1:
            return error
        part = copy(error)
        part.usage = error.usage.parts(len(self.asked))[self.asked.index(call)]
        return part


@dataclass(eq=False, slots=True)
class Endpoint:
    """A model as requests find it. Models of one endpoint share its limiter. It is ``up`` once it was ``ready``."""

    provider: Provider
    limiter: Limiter
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    queue: FairQueue[Batch] = field(default_factory=FairQueue)
    pump: Callable[[], None] = lambda: None
    closed: CallError | None = None
    failed: CallError | None = None
    up: bool = False
    _starting: asyncio.Task[None] | None = None

    async def ready(self) -> bool:
        """Start the provider before its first request; True for the caller who did. Others wait for the same start."""
        first = self._starting is None
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self.provider.start())
        await asyncio.shield(self._starting)
        self.up = True
        return first

    async def close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        self.limiter.close()
        await self.provider.close()


class Listener:
    """Who is told what becomes of calls: the scheduler.

    One that is ``behind`` has answers which it works off in the loop's next turn, or when it is to ``catch_up``.
    """

    @property
    def behind(self) -> bool:
        return False

    def catch_up(self) -> None:
        """Work off the answers that have come."""

    def answered(self, call: Call, answer: Answer, usage: Usage) -> None:
        raise NotImplementedError

    def failed(self, call: Call, error: CallError) -> None:
        raise NotImplementedError

    def doubted(self, call: Call) -> bool:
        """An attempt may have been paid, and is to be made again: whether that is afforded. Else the call is over."""
        raise NotImplementedError

    def hedged(self, call: Call) -> bool:
        """A call is to be asked a second time side by side: whether that is afforded."""
        return False

    def idle(self) -> None:
        """Nothing is on its way after ``stop``."""

    def trouble(self, error: DiskError) -> None:
        """What is asked and answered cannot be written down."""

    def mistake(self, error: BaseException) -> None:
        """A mistake of ours."""
