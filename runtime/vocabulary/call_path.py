"""The paths of steps and calls: ``notes[17].draft``. One grammar holds wherever a path is printed or accepted.

A path is a row of names and of places in brackets. ``notes.17.draft`` is the same path, because shells expand brackets.
Elements, samples and levels of a reduction count from 0. A label that the author gave to an element stands for its
number: ``notes[c-17].draft`` or ``notes."Dear bank".draft``. ``#2`` at the end names the second call of one path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import field

from flowrun.dsl import dataclass, pattern

from .errors import UsageError
from .quoting import shown

_TOKEN = pattern(
    r"""\s*(?:
    (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<bare>[^.\[\]"'#]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_CALL = pattern(r"#([1-9][0-9]{0,8})\Z")
_NUMBER = pattern(r"[0-9]+(?:,[0-9]+)*\Z")
_PLAIN = pattern(r"[^\W_][\w,-]*\Z")
_ESCAPE = pattern(r"\\(.)", re.DOTALL)
_MOST = 2_000
"""The most characters of a path that a user may write."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the path of a call: the name of a step, or a place among elements, samples or merges.

    ``label`` is the author's label of an element, "" if there is none. ``alias`` is another accepted name of the step:
    for an unnamed step, its line in the file.
    """

    name: str
    place: bool = False
    label: str = ""
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a path as a user wrote it.

    A part in ``brackets`` is a place: a number or a label. A ``quoted`` part is never a number.
    """

    text: str
    brackets: bool = False
    quoted: bool = False

    @property
    def number(self) -> bool:
        return not self.quoted and _NUMBER.match(self.text) is not None

    def fits(self, segment: Segment, *, labels: bool) -> bool:
        """Tell whether this part names a segment.

        ``labels``: a plain number and a plain word may also be a label. Otherwise they are a place and a step.
        """
        if not segment.place:
            return not self.brackets and self.text in (segment.alias if self.quoted else segment.name, segment.alias)
        if self.number and self.text == segment.name:
            return True
        a_label = labels or self.quoted or (self.brackets and not self.number)
        return a_label and bool(segment.label) and self.text == segment.label

    def __str__(self) -> str:
        text = quoted(self.text) if self.quoted else self.text
        return f"[{text}]" if self.brackets else f".{text}"


@dataclass(frozen=True, slots=True)
class CallPath:
    """A path as a user wrote it. ``call`` counts the calls of the path from 1; None for all of them."""

    parts: tuple[Part, ...]
    call: int | None = None

    def holds(self, segments: Sequence[Segment], *, labels: bool = False) -> bool:
        """Tell whether a path lies at this path or under it. A place that is left out stands for all places."""
        return _holds(self.parts, segments, labels)

    def __str__(self) -> str:
        text = "".join(map(str, self.parts)).removeprefix(".")
        return text if self.call is None else f"{text}#{self.call}"

    def above(self, parts: int) -> CallPath:
        """Return the path of the first parts."""
        return CallPath(self.parts[:parts])


def _holds(parts: Sequence[Part], segments: Sequence[Segment], labels: bool) -> bool:
    if not parts:
        return True
    if not segments:
        return False
    first = segments[0]
    if parts[0].fits(first, labels=labels) and _holds(parts[1:], segments[1:], labels):
        return True
    return first.place and _holds(parts, segments[1:], labels)


def quoted(text: str) -> str:
    """Write a label so that a path can hold it."""
    return json.dumps(text, ensure_ascii=False)


def label_text(text: str) -> str:
    """Write a label for a path: as it is if it looks like a word, and otherwise in quotes."""
    return text if _PLAIN.match(text) and not _NUMBER.match(text) else quoted(text)


def path_text(segments: Sequence[Segment]) -> str:
    """Write segments as a path: ``notes[17].draft``."""
    text = "".join(f"[{one.name}]" if one.place else f".{one.name}" for one in segments)
    return text.removeprefix(".")


def parse_path(text: str) -> CallPath:
    """Read a path. Raises UsageError, with the fault and an example."""
    if len(text) > _MOST:
        raise _refused(text, "is too long for a path")
    return _Reader(text).path()


def _refused(text: str, why: str) -> UsageError:
    return UsageError(f"the path {shown(text, 80)} {why}; a path looks like `notes[17].draft` or `notes.17.draft`")


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0
    parts: list[Part] = field(default_factory=list)

    def path(self) -> CallPath:
        self.text = self.text.strip()
        if not self.text:
            raise _refused(self.text, "is empty")
        self._part()
        while self.at < len(self.text):
            if found := _CALL.match(self.text, self.at):
                return CallPath(tuple(self.parts), int(found[1]))
            match self.text[self.at]:
                case ".":
                    self.at += 1
                    self._part()
                case "[":
                    self._place()
                case "#":
                    raise _refused(self.text, "has a `#` without the number of a call, counted from 1")
                case char:
                    raise _refused(self.text, f"has {shown(char)} where a `.` or a `[` should stand")
        return CallPath(tuple(self.parts))

    def _part(self) -> None:
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            raise _refused(self.text, self._missing())
        self._take(found)

    def _missing(self) -> str:
        if self.text[self.at : self.at + 1] in ('"', "'"):
            return "has a quote without an end"
        return "has no name behind its last `.`" if self.at >= len(self.text) else "lacks a name before a sign"

    def _take(self, found: re.Match[str], *, brackets: bool = False) -> None:
        self.at = found.end()
        text = found["bare"].strip() if found["quoted"] is None else _unquoted(found["quoted"])
        self.parts.append(Part(text, brackets, quoted=found["quoted"] is not None))
        if not text:
            raise _refused(self.text, "has an empty part")

    def _place(self) -> None:
        """Read a place in brackets. Without quotes it goes up to the bracket, so that a label may have any letters."""
        self.at += 1
        found = _TOKEN.match(self.text, self.at)
        if found is not None and found["quoted"] is not None:
            self._take(found, brackets=True)
            end = self.at
        else:
            end = self.text.find("]", self.at)
            inner = self.text[self.at : end].strip() if end >= 0 else ""
            # A merge of a tree has a level and a place: `notes.reduce[1.0]`.
            numbers = inner.split(".")
            merge = all(map(_NUMBER.match, numbers))
            self.parts += [Part(one, brackets=True) for one in (numbers if merge else [inner])]
        if end < 0 or self.text[end : end + 1] != "]":
            raise _refused(self.text, "has a `[` without its `]`")
        if not self.parts[-1].text:
            raise _refused(self.text, "has nothing between its brackets")
        self.at = end + 1


def _unquoted(text: str) -> str:
    """Read a quoted label: in double quotes as JSON writes it, otherwise with backslashes before quotes."""
    if text[0] == '"':
        with suppress(ValueError):
            return str(json.loads(text, strict=False))
    return _ESCAPE.sub(r"\1", text[1:-1])
