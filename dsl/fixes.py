"""Fixes. Each is tried before it is offered. All safe fixes of a file can be made, except those that do harm."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from .diagnostics import Diagnostic, Edit
from .parsing.readable import MOST_FINDINGS
from .records import dataclass
from .source import Source

Check = Callable[[Source], Iterable[Diagnostic]]
ROUNDS = 10
"""The most rounds of fixes. One fix can make room for another, so the file is checked again in each round."""
MOST_CHECKS = 64
"""The most checks in one round. If fixes do harm together, halves of them are tried, and that must end."""
MOST_TRIED = 300_000
"""The most characters that are read again to try fixes before they are offered. One trial is always made."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The text with the fixes made, the problems that they corrected, and the problems that are left."""

    source: Source
    made: tuple[Diagnostic, ...]
    left: tuple[Diagnostic, ...]


def apply_fixes(source: Source, check: Check) -> Fixed:
    """Make every safe fix that can be made.

    Either all edits of a fix are made, or none. If two fixes overlap, the second is made in the next round. ``check``
    returns all problems of a text. A fix is not made if the text then no longer parses, has more errors, or still has
    the problem that the fix should correct.
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


def offered(found: Sequence[Diagnostic], check: Check) -> tuple[Diagnostic, ...]:
    """Try the safe fixes of these problems. A fix that does not reduce the number of errors is not offered.

    ``check`` returns all problems after a change of one text. A fix is tried alone and then together with all others.
    If there are very many fixes or the text is long, they are only tried together. A fix that was not tried, or that
    does harm only together with others, is offered as a guess. A "did you mean" that fails is still offered, because
    its help says that it is a guess.
    """
    sound: set[Diagnostic] = set()
    failed: set[Diagnostic] = set()
    for source in {one.span.source.name: one.span.source for one in found if one.fix and one.fix.safe}.values():
        good, bad = _tried(source, found, check)
        sound |= good
        failed |= bad
    return tuple(_offer(one, one in failed) if one not in sound else one for one in found)


def untried(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the problems with their safe fixes as guesses, for a caller who has no time to try them."""
    return tuple(_offer(one, False) for one in found)


def _offer(finding: Diagnostic, failed: bool) -> Diagnostic:
    if finding.fix is None or not finding.fix.safe:
        return finding
    if failed and "did you mean" not in finding.help:
        return replace(finding, fix=None, help=finding.help or finding.fix.title)
    return replace(finding, fix=replace(finding.fix, safe=False))


def _tried(source: Source, found: Sequence[Diagnostic], check: Check) -> tuple[set[Diagnostic], set[Diagnostic]]:
    """Return two groups of problems in one text: those whose fix reduces the errors, and those whose fix does not."""
    fixes = _fixable(source, found)
    checks = max(1, min(MOST_CHECKS, MOST_TRIED // max(len(source.text), 1)))
    failed: set[Diagnostic] = set()
    each = len(fixes) < checks
    if each:
        checks -= len(fixes)
        failed = {one for one in fixes if not _Round(source, found, check, 1, strict=True).take([one])}
        fixes = [one for one in fixes if one not in failed]
    apart = _apart(fixes)
    taken = apart if each and len(apart) < 2 else _Round(source, found, check, checks, strict=True).take(apart)
    # If a fix overlaps another, only its own trial counts.
    return {one for one in fixes if one in taken or (each and one not in apart)}, failed


def edited(source: Source, edits: Iterable[Edit]) -> Source:
    """Return the source with the edits made. The edits must not overlap."""
    parts: list[str] = []
    at = 0
    for edit in sorted(edits, key=_place):
        parts += [source.text[at : edit.span.start], edit.text]
        at = edit.span.end
    return Source("".join([*parts, source.text[at:]]), source.name)


class _Round:
    """A round of fixes in one text. First all fixes are tried together; if that does harm, each half is tried."""

    def __init__(
        self,
        source: Source,
        found: Sequence[Diagnostic],
        check: Check,
        most_checks: int = MOST_CHECKS,
        *,
        strict: bool = False,
    ) -> None:
        self.before = source
        self.said = Counter(map(_said, found))
        self.check = check
        self.checks = most_checks
        self.strict = strict
        """True if problems that were only hidden before a fix count against it too."""
        self.until = _told_until(found, source.name)
        self.source = source
        self.found = tuple(found)
        self.taken: list[Diagnostic] = []

    def take(self, fixes: Sequence[Diagnostic]) -> list[Diagnostic]:
        """Make as many of the fixes as possible without harm. Return all fixes made so far."""
        if not fixes or not self.checks:
            return self.taken
        self.checks -= 1
        wanted = [*self.taken, *fixes]
        source = edited(self.before, [edit for one in wanted for edit in _edits(one)])
        found = tuple(self.check(source))
        if self._worse(found, fixes, wanted):
            if len(fixes) > 1:
                half = len(fixes) // 2
                self.take(fixes[:half])
                self.take(fixes[half:])
            return self.taken
        self.source, self.found, self.taken = source, found, wanted
        return wanted

    def _worse(self, found: Sequence[Diagnostic], fixes: Sequence[Diagnostic], wanted: Sequence[Diagnostic]) -> bool:
        if self.strict:
            found = self._told(found, wanted)
            worse = _errors(found) > _errors(self._told(self.found, self.taken)) - _errors(fixes)
        else:
            unparsed, unparsed_before = _unparsed(found), _unparsed(self.found)
            # In a group, the good of one fix must not hide the harm of another. A single fix may bring other problems
            # to light.
            most = _errors(self.found) - (_errors(fixes) if len(fixes) > 1 else 0)
            worse = unparsed > unparsed_before or (unparsed == unparsed_before and _errors(found) > most)
        said = Counter(map(_said, found))
        mended = Counter(map(_said, wanted))
        return worse or any(said[what] > self.said[what] - count for what, count in mended.items())

    def _told(self, found: Sequence[Diagnostic], made: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
        """Return the problems up to the place where the first check stopped."""
        if self.until is None:
            return found
        edits = [edit for one in made for edit in _edits(one) if edit.span.start <= self.until]
        until = self.until + sum(len(edit.text) - (edit.span.end - edit.span.start) for edit in edits)
        name = self.before.name
        return [one for one in found if one.span.source.name != name or one.span.start <= until]


def _told_until(found: Sequence[Diagnostic], name: str) -> int | None:
    """Return the place where the parser stopped reporting errors. None if it reported all of them."""
    told = [one.span.start for one in found if one.code.startswith("F01") and one.span.source.name == name]
    return max(told) if len(told) >= MOST_FINDINGS else None


def _errors(found: Iterable[Diagnostic]) -> int:
    return sum(one.severity == "error" for one in found)


def _unparsed(found: Sequence[Diagnostic]) -> bool:
    """Return True if all errors come from the parser, so that no further checks were possible."""
    errors = [one for one in found if one.severity == "error"]
    return bool(errors) and all(one.code.startswith("F01") for one in errors)


def _said(finding: Diagnostic) -> tuple[str, str]:
    return finding.code, finding.message


def _edits(finding: Diagnostic) -> tuple[Edit, ...]:
    return finding.fix.edits if finding.fix else ()


def _place(edit: Edit) -> tuple[int, int]:
    return edit.span.start, edit.span.end


def _fixable(source: Source, found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the problems with a safe fix that changes only this text, in the order of their edits."""
    fixable = [
        one
        for one in found
        if one.fix and one.fix.safe and one.fix.edits and all(_fits(edit, source) for edit in one.fix.edits)
    ]
    return sorted(fixable, key=lambda one: min(map(_place, _edits(one))))


def _fits(edit: Edit, source: Source) -> bool:
    """Return True if an edit belongs to this text. A check may have read the same file twice."""
    span = edit.span
    return (
        span.source.name == source.name
        and span.source.text == source.text
        and 0 <= span.start <= span.end <= len(source.text)
    )


def _apart(fixes: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Choose fixes whose edits overlap neither each other nor earlier fixes.

    Of equal fixes the first is kept.
    """
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
    """Return True if two spans share a character, or a place where text is inserted."""
    return a == b or (a[0] < b[1] and b[0] < a[1])
