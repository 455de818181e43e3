"""The share of refusals that a map without options meets at servers that take so many requests at once.

A server refuses the others, or lets them wait. It sends no rate headers; or those of a generous rate, which say nothing
of the places; or the places that are free. Each has a first run, and a second one that knows what the first has learnt.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import by_flow
import mock_server

CAPACITIES = (4, 16, 50, 500, 5000)
HEADERS = ("", "rate", "places")
LONGEST = 3.0
"""Seconds that the calls take at the least: small capacities get quicker answers."""
FEW, SHARE = 16, 0.01


@dataclass(frozen=True)
class Limited:
    """A server that takes ``capacity`` requests at once, and the calls of a map against it."""

    capacity: int
    queue: bool
    headers: str
    calls: int

    @property
    def seconds(self) -> float:
        """The time of an answer."""
        return min(0.2, LONGEST * self.capacity / self.calls)

    @property
    def least(self) -> float:
        """The seconds that the calls take, if all places are always taken."""
        return self.seconds * -(-self.calls // self.capacity)

    @property
    def allowed(self) -> float:
        """The most requests that may be refused in a run."""
        return max(FEW if self.calls < 10_000 else 0, SHARE * self.calls)

    @property
    def script(self) -> dict[str, Any]:
        rpm = 10 * self.calls if self.headers == "rate" else 0
        steps = [(0, self.capacity)]
        return {"seconds": self.seconds, "steps": steps, "queue": self.queue, "headers": self.headers, "rpm": rpm}


@dataclass(frozen=True)
class Seen:
    """The requests that were refused, the most that the server had at once, and the seconds of the run."""

    refused: int
    most: int
    seconds: float


def runs(limited: Limited, count: int = 2) -> list[Seen]:
    """Return the requests that the server sees of so many runs of one user."""
    found = []
    with mock_server.started(**limited.script) as server, tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        path = by_flow.written(folder, by_flow.flow(by_flow.CALLS))
        for number in range(count):
            inputs = {"prompts": [f"Say {n} of {number}" for n in range(limited.calls)]}
            asyncio.run(by_flow.result_of(path, server.base, inputs, folder))
            seen = server.account()
            assert len(seen.served) == limited.calls, len(seen.served)
            found.append(Seen(len(seen.refused), seen.most, max(seen.served)))
    return found


def report(sizes: Sequence[int]) -> list[str]:
    """Print a line for each server and run; the bounds that are missed."""
    missed = []
    print(
        "  calls   at once  the others   headers   run   refused        allowed   most at once   times the least time"
    )
    for calls, capacity, queue, headers in itertools.product(sizes, CAPACITIES, (False, True), HEADERS):
        limited = Limited(capacity, queue, headers, calls)
        for number, seen in enumerate(runs(limited), 1):
            share = seen.refused / (calls + seen.refused)
            name = f"{calls:7,}  {capacity:8,}  {'wait' if queue else 'refused':10}  {headers or 'none':8}  {number:4}"
            print(
                f"{name}  {seen.refused:8}  {share:5.1%}  {limited.allowed:7g}  {seen.most:13}"
                f"  {seen.seconds / limited.least:21.2f}",
                flush=True,
            )
            if seen.refused > limited.allowed:
                missed.append(f"shares: {' '.join(name.split())}: {seen.refused} refused")
    return missed
