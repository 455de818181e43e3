"""The lists that blocks make, with the time of each item, for flows that ``by_hand`` works out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = Any


class Worked(Protocol):
    """A body that was worked out: its steps with their values and ends, and the lists made in it."""

    @property
    def done(self) -> dict[str, tuple[Json, float]]: ...

    @property
    def made(self) -> dict[str, Made]: ...


Bodies = Iterable[tuple[Worked, str, float]]
"""Bodies, each with the name of the step that gives its value, and with its end."""


@dataclass
class Made:
    """A list with two times for each item: when it was there, and when all items before it were there too."""

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
        """Add the items of the bodies' lists. ``nested``: an item of a list in progress counts as soon as it comes."""
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
