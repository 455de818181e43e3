"""The choice of the cheapest setting that keeps a promise on rows to come, from rows whose answers are known.

The settings are tested from the dearest down, and the first that cannot be shown to keep the promise ends the tests
(fixed-sequence testing: Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then Test", arXiv 2110.01052). So all
tests together err as rarely as one. A row is lost if the dearest setting is right in it and the other one is not. The
share of lost rows has an exact upper limit (Clopper and Pearson, Biometrika 26, 1934, p. 404), and the loss of accuracy
is not greater than this share.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, exp, floor, lgamma, log, log1p
from typing import Literal

from flowrun.dsl import dataclass

End = Literal["dearest", "promised", "open", "untested"]
_STEPS = 60
_SMALL = 1e-18
_MOST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """A setting on all rows: its cost a row, in one unit for all settings, and the rows in which it is right."""

    cost: float
    right: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Judged:
    """A setting beside the dearest one. ``place`` is its place among those that were measured.

    ``lost`` are the rows in which only the dearest is right, and ``bound`` is the greatest share of lost rows. ``end``
    is "promised" if the bound is small enough, "open" if it is not, and "untested" behind the first that is not.
    """

    place: int
    lost: int
    bound: float
    end: End


def judged(found: Sequence[Measured], lose: float, sure: float) -> list[Judged]:
    """Judge settings from the dearest to the cheapest. Of equally dear ones the earlier one counts as dearer."""
    order = sorted(range(len(found)), key=lambda place: (-found[place].cost, place))
    dearest, ended = found[order[0]].right, False
    made = [Judged(order[0], 0, 0.0, "dearest")]
    for place in order[1:]:
        lost = sum(best and not one for best, one in zip(dearest, found[place].right, strict=True))
        bound = most_share(lost, len(dearest), sure)
        end: End = "untested" if ended else "promised" if bound <= lose else "open"
        ended = ended or end == "open"
        made.append(Judged(place, lost, bound, end))
    return made


def picked(made: Sequence[Judged]) -> Judged:
    """Return the cheapest setting that keeps the promise: the last one that is shown to, or else the dearest."""
    return next(one for one in reversed(made) if one.end in ("promised", "dearest"))


@lru_cache(maxsize=1024)
def most_share(lost: int, rows: int, sure: float) -> float:
    """Return the upper limit of a share of which ``lost`` of ``rows`` rows were seen (Clopper and Pearson, one-sided).

    It lies below the true share with a probability of at most 1 − ``sure``.
    """
    if lost >= rows:
        return 1.0
    low, high = lost / rows, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if _at_most(lost, rows, middle) <= 1 - sure else (middle, high)
    return high


def _at_most(lost: int, rows: int, share: float) -> float:
    """Return the probability of at most ``lost`` rows among ``rows``, if each is lost with this probability."""
    if share in (0.0, 1.0):
        return 1.0 - share
    ways = lgamma(rows + 1) - lgamma(lost + 1) - lgamma(rows - lost + 1)
    term = exp(ways + lost * log(share) + (rows - lost) * log1p(-share))
    total, odds = term, (1 - share) / share
    # Each count below is rarer than the one before it, since the share is above that of the rows lost.
    for one in range(lost, 0, -1):
        term *= odds * one / (rows - one + 1)
        total += term
        if term < _SMALL * total:
            break
    return min(1.0, total)


def rows_needed(lose: float, sure: float, lost: int = 0, rows: int = 1) -> int | None:
    """Return the rows that can show the promise, if rows are lost as often as in those that were seen.

    Without a lost row this is the fewest. Else it is close to the fewest, because whole rows are lost. None if they are
    lost too often for any number of rows.
    """
    if lost / rows >= lose:
        return None
    if not lost:
        return max(1, ceil(log(1 - sure) / log1p(-lose) - 1e-9))
    high = rows
    while not _shown(high, lost / rows, lose, sure):
        high *= 2
        if high > _MOST_ROWS:
            return None
    low = high // 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _shown(middle, lost / rows, lose, sure) else (middle + 1, high)
    return low


def _shown(rows: int, share: float, lose: float, sure: float) -> bool:
    return most_share(floor(share * rows + 1e-9), rows, sure) <= lose
