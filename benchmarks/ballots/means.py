"""Means, their intervals, and how far they are from what they must be."""

from __future__ import annotations

import math
from collections.abc import Sequence


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def error(values: Sequence[float]) -> float:
    """The standard error of a mean."""
    found = mean(values)
    return math.sqrt(sum((value - found) ** 2 for value in values) / len(values) / len(values))


def within(values: Sequence[float], of: float = 1.0, digits: int = 2) -> str:
    """A mean with its 95 % interval."""
    return f"{of * mean(values):.{digits}f} ± {1.96 * of * error(values):.{digits}f}"


def share(flags: Sequence[bool]) -> str:
    """A share in percent, with its 95 % interval by Wilson."""
    found, low, high = wilson(flags)
    return f"{100 * found:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def wilson(flags: Sequence[bool]) -> tuple[float, float, float]:
    """A share, and the ends of its 95 % interval."""
    found, square, of = mean(flags), 1.96**2, len(flags)
    middle = (found + square / of / 2) / (1 + square / of)
    half = 1.96 * math.sqrt(found * (1 - found) / of + square / of / of / 4) / (1 + square / of)
    return found, max(0.0, middle - half), min(1.0, middle + half)


def off(values: Sequence[float], must: float) -> float:
    """The distance of a mean from what it must be, in standard errors."""
    found, spread = mean(values), error(values)
    if not spread:
        return float(abs(found - must) * len(values) > 3)
    # A nearly certain event may not have failed once: at most about one in so many questions hides there.
    return max(0.0, abs(found - must) - 1 / len(values)) / spread
