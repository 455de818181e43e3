"""Counting: answers that mean the same count as one, and an equal count is settled by the order of the samples."""

from __future__ import annotations

import json
from typing import Any

Json = Any


class Ballots:
    """The ballots of one vote. ``seen`` counts every sample that came, with the discarded ones."""

    def __init__(self) -> None:
        self.seen = 0
        self.discarded = 0
        self._counts: dict[str, int] = {}
        self._first: dict[str, tuple[int, Json]] = {}

    def add(self, index: int, value: Json) -> None:
        key = normal(value)
        self.seen += 1
        self._counts[key] = self._counts.get(key, 0) + 1
        if key not in self._first or index < self._first[key][0]:
            self._first[key] = (index, value)

    def skip(self, index: int) -> None:
        self.seen += 1
        self.discarded += 1

    @property
    def counted(self) -> int:
        return self.seen - self.discarded

    def _ranked(self) -> list[str]:
        return sorted(self._counts, key=lambda key: (-self._counts[key], self._first[key][0]))

    @property
    def leaders(self) -> tuple[int, int]:
        """The votes of the leader and of the runner-up."""
        counts = sorted(self._counts.values(), reverse=True)
        return (counts[0] if counts else 0), (counts[1] if len(counts) > 1 else 0)

    @property
    def lead(self) -> int:
        first, second = self.leaders
        return first - second

    @property
    def tied(self) -> bool:
        return self.counted > 0 and self.lead == 0

    @property
    def winner(self) -> Json:
        """The answer with most votes, as its first sample wrote it; of equals the one with the lowest index."""
        return self._first[self._ranked()[0]][1]

    def counts(self) -> tuple[tuple[Json, int], ...]:
        return tuple((self._first[key][1], self._counts[key]) for key in self._ranked())

    def text(self) -> str:
        return ", ".join(f"{answer} {count}" for answer, count in self.counts())


def normal(value: Json) -> str:
    """What makes two answers one: case, outer spaces and a final point aside for texts, value for numbers."""
    if isinstance(value, str):
        return "t:" + " ".join(value.split()).rstrip(".").casefold()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"n:{value!r}"
    return "j:" + json.dumps(value, sort_keys=True)
