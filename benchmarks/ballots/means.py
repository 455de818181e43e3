"""Means, and how far they are from what they must be."""

from __future__ import annotations

import math
from collections.abc import Sequence


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def off(values: Sequence[float], must: float) -> float:
    """The distance of a mean from what it must be, in standard errors."""
    found = mean(values)
    spread = math.sqrt(sum((value - found) ** 2 for value in values) / len(values) / len(values))
    # What is nearly certain may not have happened once: at most about one in so many questions hides there.
    return (
        max(0.0, abs(found - must) - 1 / len(values)) / spread if spread else float(abs(found - must) * len(values) > 3)
    )
