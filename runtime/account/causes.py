"""Failures put together by their cause: a hundred thousand of one kind are one line, and another kind is another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

FIRST = 3
"""How many of one cause are named."""
MOST = 10
"""How many causes are told one by one."""
_DIFFERS = re.compile(
    r"`[^`]*`"  # what a message quotes
    r'|"[^"]*"'
    r"|\[\d+\]"  # the number of an element
    r"|\breq(?:uest)?[-_][\w-]+|\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){2,}[0-9a-f-]*"  # what a server calls a request
    # A number by itself: a length, a price, a time. In a name, an address or a status it is another cause.
    r"|(?<![\w.:/-])(?<!answered )\$?\d[\d,]*(?:\.\d+)?(?![\w:/-])"
)


@dataclass(slots=True)
class Cause:
    """``first`` are the paths and the reasons of the first few, ``number`` is the place among causes."""

    number: int
    count: int = 0
    ballots: int = 0
    first: list[tuple[str, str]] = field(default_factory=list)

    @property
    def named(self) -> bool:
        """Whether each of them is named where all causes are told in turn."""
        return self.number < MOST and self.count <= FIRST


class Causes:
    """The causes of failures so far, in the order in which they came."""

    def __init__(self) -> None:
        self._found: dict[str, Cause] = {}

    def __iter__(self) -> Iterator[Cause]:
        return iter(self._found.values())

    def add(self, path: str, reason: str, *, ballot: bool = False) -> bool:
        """Whether this one is to be told by itself, being among the first of its cause, and of the first causes."""
        cause = self._found.setdefault(_DIFFERS.sub("…", reason), Cause(len(self._found)))
        cause.count += 1
        cause.ballots += ballot
        if cause.count > FIRST:
            return False
        cause.first.append((path, reason))
        return cause.number < MOST


def in_lines(causes: Iterable[Cause], what: Callable[[Cause], str], all_in: str) -> list[str]:
    """A line for each of the greatest causes, and one for all others.

    ``what`` says how many of what a cause has; ``all_in`` says where all of them are.
    """
    ordered = sorted(causes, key=lambda cause: -cause.count)
    lines = []
    for cause in ordered[:MOST]:
        more = f" and {cause.count - FIRST:,} more; {all_in}" if cause.count > FIRST else ""
        paths = ", ".join(path for path, _ in cause.first)
        lines.append(f"{what(cause)}: {cause.first[0][1]} ({paths}{more})")
    if rest := ordered[MOST:]:
        whole = Cause(0, sum(cause.count for cause in rest), sum(cause.ballots for cause in rest))
        lines.append(f"{what(whole)} for {len(rest):,} other reasons; {all_in}")
    return lines
