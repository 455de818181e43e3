"""Shares of rows, with the intervals in which the true share lies."""

from __future__ import annotations

from math import sqrt

from flowrun.dsl import dataclass

Z95 = 1.959963984540054
"""The quantile of the normal distribution for an interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Share:
    """``right`` of ``rows`` rows. ``low`` and ``high`` are the ends of its 95 % interval."""

    right: int
    rows: int

    @property
    def value(self) -> float:
        return self.right / self.rows if self.rows else 0.0

    @property
    def low(self) -> float:
        return wilson(self.right, self.rows)[0]

    @property
    def high(self) -> float:
        return wilson(self.right, self.rows)[1]


def wilson(right: int, rows: int, z: float = Z95) -> tuple[float, float]:
    """Return the score interval of a share (E. B. Wilson, JASA 22, 1927, p. 209). Without rows it is all of 0 to 1."""
    if not rows:
        return 0.0, 1.0
    share, square = right / rows, z * z
    centre = share + square / (2 * rows)
    spread = z * sqrt(share * (1 - share) / rows + square / (4 * rows * rows))
    scale = 1 + square / rows
    # At the ends the exact limits are 0 and 1. The roots may miss them by a rounding.
    low = 0.0 if right == 0 else max(0.0, (centre - spread) / scale)
    high = 1.0 if right == rows else min(1.0, (centre + spread) / scale)
    return low, high


def least_share(rows: int, confidence: float = 0.95) -> float:
    """Return the lower limit of a share that held in all of ``rows`` rows (the rule of three, in its exact form)."""
    return (1 - confidence) ** (1 / rows) if rows else 0.0
