"""The columns of an evaluation: the sides in each column of expected answers, and the rows that are right in all."""

from __future__ import annotations

from collections.abc import Sequence

from flowrun.dsl import dataclass

from .measures import Measures, measured
from .pairs import Pairs, pairs_of
from .proportions import Share
from .side import Side


@dataclass(frozen=True, slots=True)
class Column:
    """The measures of all sides in one column of expected answers, the first side first."""

    label: str
    sides: tuple[Measures, ...]


@dataclass(frozen=True, slots=True)
class Together:
    """The rows in which every answer of a side is right.

    ``against`` compares the first side (first) with this one (second); None for the first side.
    """

    name: str
    accuracy: Share
    against: Pairs | None


def columns_of(found: Sequence[Sequence[Side]]) -> list[Column]:
    """Measure sides that answered the same rows. ``found`` has for each side its answers in each column."""
    return [Column(sides[0].label, tuple(measured(sides))) for sides in zip(*found, strict=True)]


def together(columns: Sequence[Column]) -> list[Together]:
    """Count the rows in which every answer is right, for each side."""
    found: list[Together] = []
    right: list[list[bool]] = []
    for sides in zip(*(column.sides for column in columns), strict=True):
        rows = [all(each) for each in zip(*(one.side.right for one in sides), strict=True)]
        against = pairs_of(right[0], rows) if right else None
        right.append(rows)
        found.append(Together(sides[0].side.name, Share(sum(rows), len(rows)), against))
    return found
