"""Values that the file alone decides, as far as it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ..source import Span

Json = Any

HEAVIEST = 100_000
"""The characters and parts of the heaviest value that is followed: a text that doubles forty times fills a memory."""
MOST_BUILT = 4_000_000
"""The weight of all values together that are built or gone through for one file. Behind it nothing more is told."""


class _Open:
    """The place of a part that the run decides."""

    def __repr__(self) -> str:
        return "OPEN"


OPEN: Final = _Open()


class OpenRecord(dict[str, Json]):
    """A record of which the file tells some fields, while the run may add others."""


@dataclass(frozen=True, slots=True)
class StaticValue:
    """A value that the file tells. Parts that the run decides are OPEN, and then it is not ``whole``.

    ``weight`` is no less than its characters and parts, each counted as often as it would be written out.
    """

    value: Json
    whole: bool = True
    weight: int = 1

    @property
    def number(self) -> int | float | None:
        """The value where it is a number."""
        return self.value if isinstance(self.value, (int, float)) and not isinstance(self.value, bool) else None


@dataclass(frozen=True, slots=True)
class NoValue:
    """An expression that fails in every run, for this reason, at this place."""

    reason: str
    span: Span


Outcome = StaticValue | NoValue | None
"""What an expression comes to; None where the run decides it."""


class Allowance:
    """What may still be built and gone through."""

    def __init__(self) -> None:
        self._left = MOST_BUILT

    def take(self, weight: int) -> bool:
        """Whether so much is there; then it is spent."""
        if weight > min(self._left, HEAVIEST):
            return False
        self._left -= weight
        return True


def scalar(value: Json) -> StaticValue:
    return StaticValue(value, True, 1 + len(value) if isinstance(value, str) else 1)
