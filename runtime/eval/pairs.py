"""The comparison of two sides that answered the same rows."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, comb, erfc, floor, log10, sqrt

from flowrun.dsl import dataclass

from .proportions import Z95

LEVEL = 0.05
"""Two sides are told apart if chance alone would show such a difference less often than this."""
_POWER = 0.8416212335729143
"""The quantile of the normal distribution for a power of 80 %."""
_EXACT = 1_000
"""So many rows on which the sides differ are counted exactly; beyond it the normal distribution is as good."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The rows of two sides: both right, only the first right, only the second right, both wrong."""

    both: int
    first: int
    second: int
    neither: int

    @property
    def rows(self) -> int:
        return self.both + self.first + self.second + self.neither

    @property
    def difference(self) -> float:
        """The accuracy of the second side minus that of the first."""
        return (self.second - self.first) / self.rows if self.rows else 0.0

    @property
    def p(self) -> float:
        """The probability of such a difference, or a greater one, between sides that are equally good.

        This is McNemar's test, two-sided and exact (Q. McNemar, Psychometrika 12, 1947; the rows on which one side
        alone is right are tosses of a fair coin).
        """
        tosses = self.first + self.second
        if tosses > _EXACT:
            return erfc(max(0.0, abs(self.first - self.second) - 1) / sqrt(2 * tosses))
        fewer = min(self.first, self.second)
        ways: int = sum(comb(tosses, k) for k in range(fewer + 1))
        return min(1.0, 2 * ways / (1 << tosses))

    @property
    def told_apart(self) -> bool:
        return self.p < LEVEL

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the difference (Agresti and Min, Statistics in Medicine 24, 2005, p. 729: Wald+2)."""
        rows = self.rows + 2
        middle = (self.second - self.first) / rows
        spread = Z95 * sqrt(max(0.0, self.first + self.second + 1 - (self.second - self.first) ** 2 / rows)) / rows
        return max(-1.0, middle - spread), min(1.0, middle + spread)

    @property
    def needed(self) -> int | None:
        """The rows that would show the difference with a power of 80 %, if it is as it looks so far.

        R. J. Connor, Biometrics 43, 1987, p. 207. None if the sides are equally often right: no number of rows tells
        equal sides apart.
        """
        if self.first == self.second:
            return None
        apart, step = (self.first + self.second) / self.rows, abs(self.difference)
        return ceil((Z95 * sqrt(apart) + _POWER * sqrt(apart - step * step)) ** 2 / (step * step))


def pairs_of(first: Iterable[bool], second: Iterable[bool]) -> Pairs:
    """Count the rows of two sides by which of them is right."""
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for both in zip(first, second, strict=True):
        counts[both] += 1
    return Pairs(*counts.values())


def about(number: int) -> int:
    """Round a number up to two figures: an estimate has no more."""
    step = int(10 ** max(0, floor(log10(number)) - 1)) if number > 0 else 1
    return ceil(number / step) * step


def verdict(pairs: Pairs) -> str:
    """Say in words whether two sides are told apart, and how many rows are needed if they are not."""
    if pairs.told_apart:
        return f"told apart (p {_p(pairs.p)})"
    needed = pairs.needed
    if needed is None:
        return f"equally often right on {_rows(pairs.rows)}"
    if needed <= pairs.rows:
        needed = pairs.rows + 1
    return f"not told apart with {_rows(pairs.rows)}: about {about(needed):,} are needed"


def signed(share: float) -> str:
    """Write a difference of shares with its sign."""
    return f"{share:+.3f}".replace("-", "−")


def _rows(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"
