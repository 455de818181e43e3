"""A bound: the least and the most of a quantity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from ..records import dataclass


@dataclass(frozen=True, slots=True)
class Bound:
    """The least and the most of a quantity. If nothing limits it, ``most`` is None and ``why`` gives the reason."""

    least: float = 0
    most: float | None = 0
    why: str = ""

    def __add__(self, other: Bound) -> Bound:
        if self.most is None or other.most is None:
            return Bound(self.least + other.least, None, self.why if self.most is None else other.why)
        return Bound(self.least + other.least, self.most + other.most)

    def __mul__(self, times: Bound) -> Bound:
        """Multiply two bounds. Zero times an unbounded number is zero."""
        least = self.least * times.least
        if 0 in (self.most, times.most):
            return Bound(least, 0)
        if self.most is None or times.most is None:
            return Bound(least, None, times.why if times.most is None else self.why)
        return Bound(least, self.most * times.most)

    def __or__(self, other: Bound) -> Bound:
        """Return a bound that holds for both quantities."""
        least = min(self.least, other.least)
        if self.most is None or other.most is None:
            return Bound(least, None, self.why if self.most is None else other.why)
        return Bound(least, max(self.most, other.most))

    def capped(self, most: float | None) -> Bound:
        """Return the bound with its most cut to this number."""
        if most is None or (self.most is not None and self.most <= most):
            return self
        return Bound(min(self.least, most), most)

    @property
    def maybe(self) -> Bound:
        return Bound(0, self.most, self.why)

    @property
    def countable(self) -> Bound:
        """The same bound, limited to COUNTED. A greater least is cut to it, and a greater most becomes None."""
        if self.least <= COUNTED and (self.most is None or self.most <= COUNTED):
            return self
        beyond = self.most is not None and self.most > COUNTED
        return Bound(min(self.least, COUNTED), None if beyond else self.most, _BEYOND if beyond else self.why)


COUNTED = 10**30
"""The greatest number in a bound. If each flow calls two others, the numbers double with each level."""
_BEYOND = "the number is too large to count"


NOTHING = Bound()
ONE = Bound(1, 1)


def total(bounds: Iterable[Bound]) -> Bound:
    return reduce(Bound.__add__, bounds, NOTHING)


def any_of(bounds: Sequence[Bound]) -> Bound:
    return reduce(Bound.__or__, bounds) if bounds else NOTHING
