"""Makes the safe fixes of a file, as far as the file is none the worse for them."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .diagnostics import Diagnostic, Edit
from .source import Source

Check = Callable[[Source], Iterable[Diagnostic]]
ROUNDS = 10
"""A fix can make room for another: this often the file is checked for more."""
MOST_CHECKS = 64
"""In one round. Of fixes that do harm together the harmless half is looked for, and that must end."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The text with its fixes, the findings that are mended, and those that are there now."""

    source: Source
    made: tuple[Diagnostic, ...]
    left: tuple[Diagnostic, ...]


def apply_fixes(source: Source, check: Check) -> Fixed:
    """Make every safe fix that can be made.

    A fix is made whole or not at all; where two overlap, the second gets its turn in the next round. ``check`` tells
    all findings of a text, and decides: a fix after which the text no longer parses, has more errors, or still has the
    finding that was to be mended, is not made.
    """
    found = tuple(check(source))
    made: list[Diagnostic] = []
    refused: set[tuple[str, str]] = set()
    for _ in range(ROUNDS):
        chosen = _apart([one for one in _fixable(source, found) if _said(one) not in refused])
        if not chosen:
            break
        attempt = _Round(source, found, check)
        attempt.take(chosen)
        refused |= {_said(one) for one in set(chosen).difference(attempt.taken)}
        if attempt.taken:
            made += attempt.taken
            source, found = attempt.source, attempt.found
    return Fixed(source, tuple(made), found)


def edited(source: Source, edits: Iterable[Edit]) -> Source:
    """The source with the edits made. They must not overlap."""
    parts: list[str] = []
    at = 0
    for edit in sorted(edits, key=_place):
        parts += [source.text[at : edit.span.start], edit.text]
        at = edit.span.end
    return Source("".join([*parts, source.text[at:]]), source.name)


class _Round:
    """Tries fixes of one text: all of them first, and where that does harm, halves of them."""

    def __init__(self, source: Source, found: Sequence[Diagnostic], check: Check) -> None:
        self.before = source
        self.said = Counter(map(_said, found))
        self.check = check
        self.checks = 0
        self.source = source
        self.found = tuple(found)
        self.taken: list[Diagnostic] = []

    def take(self, fixes: Sequence[Diagnostic]) -> None:
        if not fixes or self.checks == MOST_CHECKS:
            return
        self.checks += 1
        wanted = [*self.taken, *fixes]
        source = edited(self.before, [edit for one in wanted for edit in _edits(one)])
        found = tuple(self.check(source))
        if self._worse(found, fixes, wanted):
            if len(fixes) > 1:
                half = len(fixes) // 2
                self.take(fixes[:half])
                self.take(fixes[half:])
            return
        self.source, self.found, self.taken = source, found, wanted

    def _worse(self, found: Sequence[Diagnostic], fixes: Sequence[Diagnostic], wanted: Sequence[Diagnostic]) -> bool:
        unparsed, errors = _rank(found)
        unparsed_before, errors_before = _rank(self.found)
        # Among many the good of one must not hide the harm of another. One alone may bring something to light.
        most = errors_before - _rank(fixes)[1] if len(fixes) > 1 else errors_before
        if unparsed > unparsed_before or (unparsed == unparsed_before and errors > most):
            return True
        said = Counter(map(_said, found))
        mended = Counter(map(_said, wanted))
        return any(said[what] > self.said[what] - count for what, count in mended.items())


def _rank(found: Sequence[Diagnostic]) -> tuple[bool, int]:
    """Whether nothing but the text itself could be checked, and how many errors there are."""
    errors = [one for one in found if one.severity == "error"]
    return bool(errors) and all(one.code.startswith("F01") for one in errors), len(errors)


def _said(finding: Diagnostic) -> tuple[str, str]:
    return finding.code, finding.message


def _edits(finding: Diagnostic) -> tuple[Edit, ...]:
    return finding.fix.edits if finding.fix else ()


def _place(edit: Edit) -> tuple[int, int]:
    return edit.span.start, edit.span.end


def _fixable(source: Source, found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Findings with a safe fix that changes this text and no other, in the order of their edits."""
    fixable = [
        one
        for one in found
        if one.fix and one.fix.safe and one.fix.edits and all(_fits(edit, source) for edit in one.fix.edits)
    ]
    return sorted(fixable, key=lambda one: min(map(_place, _edits(one))))


def _fits(edit: Edit, source: Source) -> bool:
    """Whether an edit is one of this text: a check may have read the same file once more."""
    span = edit.span
    return (
        span.source.name == source.name
        and span.source.text == source.text
        and 0 <= span.start <= span.end <= len(source.text)
    )


def _apart(fixes: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Fixes whose edits keep clear of their own and of those before; of equal ones the first."""
    chosen: list[Diagnostic] = []
    taken: list[tuple[int, int]] = []
    for one in fixes:
        places = sorted(map(_place, _edits(one)))
        if any(_meet(a, b) for a, b in pairwise(places)) or not all(_free(place, taken) for place in places):
            continue
        chosen.append(one)
        for place in places:
            insort(taken, place)
    return chosen


def _free(place: tuple[int, int], taken: Sequence[tuple[int, int]]) -> bool:
    at = bisect_right(taken, place)
    return not any(_meet(place, other) for other in taken[max(0, at - 1) : at + 1])


def _meet(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two stretches share a character, or a place to insert at."""
    return a == b or (a[0] < b[1] and b[0] < a[1])
