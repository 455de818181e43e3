"""The size of a type, written out: what a file may come to has limits."""

from __future__ import annotations

from ..types import Choice, ListOf, Mixed, Optional, Record, Type

MOST_PARTS = 20_000
MOST_LEVELS = 120


class Extents:
    """How much each type is when it is written out, with all that its names stand for.

    A type that others share is measured once, so that doubling it again and again costs arithmetic alone.
    """

    def __init__(self) -> None:
        # The type stands beside its measure: an id is sure only as long as its owner lives.
        self._measured: dict[int, tuple[Type, int, int]] = {}

    def parts(self, type_: Type) -> int:
        return self._measure(type_)[1]

    def levels(self, type_: Type) -> int:
        return self._measure(type_)[2]

    def too_much(self, type_: Type) -> str | None:
        """What of it is beyond the limits, as the end of a sentence."""
        if self.parts(type_) > MOST_PARTS:
            return f"has more than {MOST_PARTS:,} parts"
        return f"is nested deeper than {MOST_LEVELS} levels" if self.levels(type_) > MOST_LEVELS else None

    def _measure(self, type_: Type) -> tuple[Type, int, int]:
        found = self._measured.get(id(type_))
        if found is not None:
            return found
        parts, levels = 1, 1
        match type_:
            case ListOf(item) | Optional(item):
                _, parts, levels = self._measure(item)
                parts, levels = parts + 1, levels + 1
            case Choice(options):
                parts = 1 + len(options)
            case Mixed(several):
                inner = [self._measure(one) for one in several]
                parts, levels = 1 + sum(one[1] for one in inner), 1 + max(one[2] for one in inner)
            case Record(fields):
                inner = [self._measure(field.type) for field in fields]
                parts = 1 + sum(one[1] for one in inner)
                levels = 1 + max((one[2] for one in inner), default=0)
        self._measured[id(type_)] = type_, parts, levels
        return self._measured[id(type_)]
