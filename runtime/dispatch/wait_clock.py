"""The clock of waiting. It measures the time in which calls are ready and cannot be sent, by endpoint and cause.

It counts no requests. It only looks when the state of a queue or of a limiter may have changed, and it adds time only
when the reasons of an endpoint differ from those before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import field
from math import inf

from flowrun.dsl import dataclass, pattern

from ..engine.withheld_calls import Withheld
from ..limits import NO_PLACE, Limiter
from ..vocabulary.waits import BlockWaits, Cause, Reason
from .endpoint import Endpoint
from .request_waits import WaitSums

_GRAIN = 0.001
"""The seconds in which requests share a mark."""
_NUMBERS = pattern(r"\[[^\]]*\]")


@dataclass(eq=False, slots=True)
class EndpointGate:
    """The requests that wait at one endpoint, and the seconds that they waited so far.

    ``lines`` are the queues in which a request is ready. ``retrying`` counts the requests that wait for another
    attempt. ``withheld`` is True if calls wait for a budget. ``reasons`` hold since the last look. ``mark`` is the
    latest mark; ``moved`` is True if ``seconds`` have changed since then.
    """

    limiter: Limiter
    lines: set[Hashable] = field(default_factory=set)
    retrying: int = 0
    withheld: bool = False
    reasons: tuple[Reason, ...] = ()
    seconds: dict[Cause, float] = field(default_factory=lambda: dict.fromkeys(Cause, 0.0))
    mark: WaitSums = WaitSums((0.0,) * len(Cause), 0.0)
    moved: bool = False

    @property
    def waiting(self) -> bool:
        return bool(self.lines or self.retrying or self.withheld)

    def found(self, now: float) -> tuple[Reason, ...]:
        """Find the reasons for which nothing is sent at the moment, in the order in which they count."""
        reasons = self.limiter.reasons(now) if self.lines or self.retrying else ()
        if not self.lines:
            # A request that waits for its next attempt is kept back by the server, but needs no place yet.
            reasons = tuple(one for one in reasons if one[0] in (Cause.RETRY_AFTER, Cause.OUTAGE))
        if self.retrying and not self.limiter.active:
            reasons += ((Cause.BACKOFF, inf),)
        if self.withheld:
            reasons += ((Cause.BUDGET, inf),)
        return reasons

    def spend(self, since: float, now: float) -> float:
        """Add the time since then, each part of it to the first reason that held. Return the end of the waiting."""
        for cause, until in self.reasons:
            end = min(until, now)
            if end > since:
                self.seconds[cause] += end - since
                self.moved = True
                since = end
        return since


@dataclass(eq=False, slots=True)
class _Block:
    """The waiting of all runs of one block. ``held`` of these runs have a body to open at the moment."""

    concurrency: int
    held: int = 0
    seconds: float = 0.0


class WaitClock:
    """The clock of one run's waiting."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self.gates: dict[Limiter, EndpointGate] = {}
        self._blocks: dict[str, _Block] = {}
        self._since = 0.0
        self._over = False
        for one in endpoints:
            self.gates.setdefault(one.limiter, EndpointGate(one.limiter))

    @property
    def blocks(self) -> tuple[BlockWaits, ...]:
        """The waiting of the blocks that set `concurrency` and had to keep bodies back."""
        return tuple(BlockWaits(name, one.concurrency, one.seconds) for name, one in self._blocks.items())

    def look(self, gate: EndpointGate) -> None:
        """Find out anew why requests wait at an endpoint."""
        now = asyncio.get_running_loop().time()
        reasons = gate.found(now)
        if reasons != gate.reasons:
            self._settle(now)
            gate.reasons = reasons

    def mark(self, gate: EndpointGate) -> WaitSums:
        """Return the mark of a gate at this time."""
        mark, now = gate.mark, asyncio.get_running_loop().time()
        if now - mark.time < _GRAIN:
            return mark
        if gate.reasons:
            self._settle(now)
        gate.mark = mark = WaitSums(tuple(gate.seconds.values()) if gate.moved else mark.sums, now)
        gate.moved = False
        return mark

    def blocked(self, gate: EndpointGate, line: Hashable) -> None:
        """Record that a request of a queue is ready and cannot be sent."""
        if line in gate.lines and gate.reasons == NO_PLACE and gate.limiter.only_full:
            # Nothing has changed since the last look.
            return
        gate.lines.add(line)
        self.look(gate)

    def cleared(self, gate: EndpointGate, line: Hashable) -> None:
        """Record that no request of a queue is ready any more."""
        if line in gate.lines:
            gate.lines.discard(line)
            self.look(gate)

    def retrying(self, gate: EndpointGate, by: int) -> None:
        """Record that ``by`` more requests wait for another attempt."""
        gate.retrying += by
        self.look(gate)

    def keep_back(self, withheld: Withheld, endpoints: Mapping[str, Endpoint]) -> None:
        """Take the calls and bodies that the engine keeps back. ``endpoints`` are by the address of the model."""
        self._settle(asyncio.get_running_loop().time())
        for gate in self.gates.values():
            gate.withheld = False
        for model in withheld.models:
            if model in endpoints:
                self.gates[endpoints[model].limiter].withheld = True
        for gate in self.gates.values():
            self.look(gate)
        for known in self._blocks.values():
            known.held = 0
        for (path, concurrency), count in withheld.blocks.items():
            block = self._blocks.setdefault(_NUMBERS.sub("", path), _Block(concurrency))
            block.concurrency = max(block.concurrency, concurrency)
            block.held += count

    def end(self) -> None:
        """Stop the clock, because nothing more is sent."""
        if not self._over:
            self._settle(asyncio.get_running_loop().time())
            self._over = True

    def _settle(self, now: float) -> None:
        """Add the time since the last change to the reasons that held since then."""
        since, self._since = self._since, now
        if self._over:
            return
        free = since
        for gate in self.gates.values():
            free = max(free, gate.spend(since, now))
        for block in self._blocks.values():
            if block.held:
                block.seconds += now - free
