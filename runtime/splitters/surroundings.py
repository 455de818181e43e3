"""The surroundings of the pieces of a text: the words before and behind each, its heading, its page and its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..vocabulary.json_value import Json
from .heading import heading_list
from .markdown import Heading
from .protocol import Stretch, is_border
from .windows import behind_space

_ATX = re.compile(r"\A\s{0,3}#{1,6}(?:\s+|\Z)|(?:\A|\s)#+\s*\Z")


def parts(text: str, pieces: Sequence[str], before: int, after: int) -> list[Json]:
    """Return a record for each piece of a text, with at most so many characters of the text before and behind it.

    The words before and behind a piece are whole. ``heading`` is the last heading above the piece, or at its beginning.
    ``page`` counts the form feeds before the piece. Both are None where the text has none. ``place`` counts from 1.
    """
    headings = _Headings(text)
    paged, pages, counted = "\f" in text, 1, 0
    made: list[Json] = []
    for place, (start, end) in enumerate(stretches(text, pieces), 1):
        ink = behind_space(text, start)
        pages += text.count("\f", counted, ink)
        counted = ink
        made.append(
            {
                "before": _before(text, start, before),
                "text": pieces[place - 1],
                "after": _after(text, end, after),
                "heading": headings.at(ink),
                "page": pages if paged else None,
                "place": place,
            }
        )
    return made


def stretches(text: str, pieces: Sequence[str]) -> Iterator[Stretch]:
    """Yield the place of each piece in its text. The pieces hold all of the text but blank space, in order."""
    done = 0
    for piece in pieces:
        start = text.find(piece, done)
        if start < 0 or not (start == done or text[done:start].isspace()):
            # A splitter of another package may change blank space.
            start = behind_space(text, done)
            end = start
            for _ in "".join(piece.split()):
                end = behind_space(text, end) + 1
        else:
            end = start + len(piece)
        yield start, min(end, len(text))
        done = min(end, len(text))


def _before(text: str, start: int, most: int) -> str:
    while start > 0 and text[start - 1].isspace():
        start -= 1
    place = max(0, start - most)
    while place < start and not is_border(text, place):
        place += 1
    return text[place:start]


def _after(text: str, end: int, most: int) -> str:
    end = behind_space(text, end)
    place = min(len(text), end + most)
    while end < place < len(text) and not (text[place].isspace() or is_border(text, place)):
        place -= 1
    return text[end:place].rstrip()


class _Headings:
    """The headings of a text, for pieces that are asked for in order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._rest = iter(heading_list(text))
        self._next = next(self._rest, None)
        self._last: Heading | None = None
        self._known: str | None = None

    def at(self, start: int) -> str | None:
        """Return the last heading above a piece that begins at ``start``, or the last of those that it begins with."""
        while (found := self._next) is not None and (found.start <= start or self._begins(start, found)):
            self._last, self._known = found, None
            self._next = next(self._rest, None)
        if self._last is not None and self._known is None:
            self._known = _title(self._text[self._last.start : self._last.end])
        return self._known

    def _begins(self, start: int, found: Heading) -> bool:
        """Tell whether only headings stand between the beginning of a piece and this heading."""
        last = self._last
        begin = start if last is None or last.end <= start else last.end
        return found.start < begin or not self._text[begin : found.start].strip()


def _title(block: str) -> str:
    """Return the words of a heading, without its marks."""
    lines = block.strip().splitlines()
    lines = lines[:-1] if len(lines) > 1 else [_ATX.sub("", _ATX.sub("", line)) for line in lines]
    return " ".join(line.strip() for line in lines).strip()
