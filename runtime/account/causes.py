"""Failures grouped by their cause, so that a hundred thousand equal failures make a single line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field

from flowrun.dsl import dataclass, pattern

FIRST = 3
"""The most failures of a cause that are named."""
MOST = 10
"""The most causes that get a line of their own."""
_DIFFERS = pattern(
    r"`[^`]*`"  # what a message quotes
    r'|"[^"]*"'
    r"|\[\d+\]"  # the number of an element
    r"|\breq(?:uest)?[-_][\w-]+|\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){2,}[0-9a-f-]*"  # what a server calls a request
    # A number alone is a length, a price or a time. A number in a name, an address or a status tells causes apart.
    r"|(?<![\w.:/-])(?<!answered )\$?\d[\d,]*(?:\.\d+)?(?![\w:/-])"
)


@dataclass(slots=True)
class FailureCause:
    """A cause of failures. ``first`` are the paths and reasons of its first failures.

    ``number`` is its position among the causes. ``ballots`` counts the failures of ballots among its failures.
    """

    number: int
    count: int = 0
    ballots: int = 0
    first: list[tuple[str, str]] = field(default_factory=list)

    @property
    def named(self) -> bool:
        """True if each failure of this cause was reported by itself when it happened."""
        return self.number < MOST and self.count <= FIRST


class Causes:
    """The causes of failures so far, in the order of their first failure."""

    def __init__(self) -> None:
        self._found: dict[str, FailureCause] = {}

    def __iter__(self) -> Iterator[FailureCause]:
        return iter(self._found.values())

    def add(self, path: str, reason: str, *, ballot: bool = False) -> bool:
        """Add a failure to its cause. Return True if the failure should be reported by itself.

        Only the first failures of each of the first causes are.
        """
        cause = self._found.setdefault(_DIFFERS.sub("…", reason), FailureCause(len(self._found)))
        cause.count += 1
        cause.ballots += ballot
        if cause.count > FIRST:
            return False
        cause.first.append((path, reason))
        return cause.number < MOST


def in_lines(causes: Iterable[FailureCause], what: Callable[[FailureCause], str], all_in: str) -> list[str]:
    """Write a line for each of the causes with the most failures, and one line for all other causes.

    ``what`` writes the number and the kind of a cause's failures. ``all_in`` names the place of the full list.
    """
    ordered = sorted(causes, key=lambda cause: -cause.count)
    lines = []
    for cause in ordered[:MOST]:
        more = f" and {cause.count - FIRST:,} more; {all_in}" if cause.count > FIRST else ""
        paths = ", ".join(path for path, _ in cause.first)
        lines.append(f"{what(cause)}: {cause.first[0][1]} ({paths}{more})")
    if rest := ordered[MOST:]:
        whole = FailureCause(0, sum(cause.count for cause in rest), sum(cause.ballots for cause in rest))
        lines.append(f"{what(whole)} for {len(rest):,} other reasons; {all_in}")
    return lines
