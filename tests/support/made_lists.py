"""The lists that blocks make, with the time at which each item is there: for a flow that is done by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = Any


class Worked(Protocol):
    """A body that is worked out: its steps with their values and ends, and the lists that were made in it."""

    @property
    def done(self) -> dict[str, tuple[Json, float]]: ...

    @property
    def made(self) -> dict[str, Made]: ...


Bodies = Iterable[tuple[Worked, str, float]]
"""Each with the step whose value is its own, and its end."""


@dataclass
class Made:
    """A list with the time at which each item was there, and at which so was all before it too."""

    items: list[Json] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    ranked: list[float] = field(default_factory=list)
    bound: int | None = None
    exact: bool = False
    end: float = 0.0

    def collect(self, bodies: Bodies) -> None:
        before = 0.0
        for body, result, end in bodies:
            before = max(before, end)
            self._add(body.done[result][0], end, before)

    def flatten(self, bodies: Bodies, *, nested: bool = True) -> None:
        """``nested``: items of a list that is in the making itself are told of as they come."""
        before = 0.0
        for body, result, end in bodies:
            before = max(before, end)
            inner = body.made.get(result) if nested else None
            for at, item in enumerate(body.done[result][0] or ()):
                self._add(item, end if inner is None else inner.times[at], before)
            self.end = max(self.end, end)

    def _add(self, item: Json, time: float, ranked: float) -> None:
        self.items.append(item)
        self.times.append(time)
        self.ranked.append(ranked)
