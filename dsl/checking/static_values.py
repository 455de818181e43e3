"""Static values: values that the file decides, wholly or in part, before any run."""

from __future__ import annotations

from typing import Final

from ..plain_data import Json
from ..records import dataclass
from ..source import Span

HEAVIEST = 100_000
"""The greatest weight of a value that is followed, in characters and parts.

A text that doubles forty times would fill the memory.
"""
MOST_BUILT = 4_000_000
"""The greatest weight of all values that are built or gone through for one file. Beyond it no more values are found."""


class _Open:
    """The placeholder for a part of a value that only the run decides."""

    def __repr__(self) -> str:
        return "OPEN"


OPEN: Final = _Open()


class OpenRecord(dict[str, Json]):
    """A record of which the file decides some fields. The run may add others."""


@dataclass(frozen=True, slots=True)
class StaticValue:
    """A value that the file decides. OPEN stands for a part that the run decides, and ``whole`` is then False.

    ``weight`` is at least the number of its characters and parts, counted as if all of them were written out.
    """

    value: Json
    whole: bool = True
    weight: int = 1

    @property
    def number(self) -> int | float | None:
        """The value if it is a number; None otherwise."""
        return self.value if isinstance(self.value, (int, float)) and not isinstance(self.value, bool) else None


@dataclass(frozen=True, slots=True)
class NoValue:
    """The result of an expression that fails in every run: the reason and the place."""

    reason: str
    span: Span


Outcome = StaticValue | NoValue | None
"""The outcome of an expression; None if the run decides it."""


class FoldingAllowance:
    """The weight of values that the checker may still build and read for one file."""

    def __init__(self) -> None:
        self._left = MOST_BUILT

    def take(self, weight: int) -> bool:
        """Spend this weight and return True.

        If it is more than the rest, or more than one value may have, spend nothing and return False.
        """
        if weight > min(self._left, HEAVIEST):
            return False
        self._left -= weight
        return True


def scalar(value: Json) -> StaticValue:
    return StaticValue(value, True, 1 + len(value) if isinstance(value, str) else 1)
