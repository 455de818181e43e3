"""The size of a type when all names in it are written out, and the limits on that size."""

from __future__ import annotations

from ..identity import Identity
from ..types import Choice, ListOf, Mixed, OpenChoice, Optional, Record, Type, Union

MOST_PARTS = 20_000
MOST_LEVELS = 120


class Extents:
    """The sizes of types when all names in them are written out.

    A type that several others share is measured once. So a type that doubles in size again and again takes little time.
    """

    def __init__(self) -> None:
        self._measured: dict[Identity, tuple[int, int]] = {}

    def parts(self, type_: Type) -> int:
        return self._measure(type_)[0]

    def levels(self, type_: Type) -> int:
        return self._measure(type_)[1]

    def too_much(self, type_: Type) -> str | None:
        """Return the limit that a type exceeds, as the end of a sentence. None if it exceeds no limit."""
        if self.parts(type_) > MOST_PARTS:
            return f"has more than {MOST_PARTS:,} parts"
        return f"is nested deeper than {MOST_LEVELS} levels" if self.levels(type_) > MOST_LEVELS else None

    def _measure(self, type_: Type) -> tuple[int, int]:
        key = Identity(type_)
        found = self._measured.get(key)
        if found is not None:
            return found
        parts, levels = 1, 1
        match type_:
            case ListOf(item) | Optional(item):
                parts, levels = self._measure(item)
                parts, levels = parts + 1, levels + 1
            case Choice(options) | OpenChoice(options):
                parts = 1 + len(options)
            case Mixed(several) | Union(several):
                inner = [self._measure(one) for one in several]
                parts, levels = 1 + sum(one[0] for one in inner), 1 + max(one[1] for one in inner)
            case Record(fields):
                inner = [self._measure(field.type) for field in fields]
                parts = 1 + sum(one[0] for one in inner)
                levels = 1 + max((one[1] for one in inner), default=0)
        self._measured[key] = parts, levels
        return parts, levels
