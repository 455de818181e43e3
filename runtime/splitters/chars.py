"""`chars(n)`: pieces of at most n characters.

Each is cut at the last border of a paragraph in its second half, or failing that of a line, of a sentence, of a word;
inside a word only where the word alone is longer than n. What an overlap repeats counts towards the n.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowrun.dsl import ParamSpec, types

from ..errors import UsageError
from .protocol import Splitter, Stretch, is_border, number, overlap_of, trimmed

_BORDERS = (
    re.compile(r"(?:\r\n|\r|\n)[^\S\r\n]*(?:\r\n|\r|\n)"),
    re.compile(r"[\r\n]"),
    re.compile(r"[.!?…]['\"”’)\]]*(?=\s)|[。！？](?=[\s\S])"),
)


def split(text: str, args: Mapping[str, Any]) -> list[str]:
    most = number(args, "n", 1)
    overlap = overlap_of(args)
    if overlap >= most:
        raise UsageError(f"the overlap of {overlap} characters must be less than the {most} of a piece")
    return [text[start:end] for start, end in _stretches(text, most, overlap)]


def _stretches(text: str, most: int, overlap: int) -> Iterator[Stretch]:
    fresh = 0
    before: Stretch | None = None
    while (fresh := _skip_blank(text, fresh)) < len(text):
        start = _begin(text, fresh, before, most, overlap) if before and overlap else fresh
        end = _cut(text, fresh, start + most)
        kept = trimmed(text, start, end)
        if kept:
            before = (start, kept[1])
            yield before
        fresh = end


def _begin(text: str, fresh: int, before: Stretch, most: int, overlap: int) -> int:
    """Where the overlap begins; it gives way where the next word would not fit behind it."""
    word = fresh
    while word < len(text) and word - fresh < most and not text[word].isspace():
        word += 1
    # Of a word that has to be cut anyway, any part will do.
    whole = word == len(text) or text[word].isspace()
    needed = word if whole else fresh + 1
    start = max(before[0] + 1, before[1] - overlap, needed - most)
    while start < fresh and not is_border(text, start):
        start += 1
    return start


def _cut(text: str, fresh: int, limit: int) -> int:
    """Where a piece ends that has ``fresh`` as its first new character, and may go up to ``limit``."""
    if limit >= len(text):
        return len(text)
    half = fresh + (limit - fresh) // 2
    for border in _BORDERS:
        # One further character is looked at: blank space there makes the limit itself a border.
        ends = [min(found.end(), limit) for found in border.finditer(text, half, limit + 1)]
        if ends and ends[-1] > fresh:
            return ends[-1]
    for place in range(limit, fresh, -1):
        if text[place].isspace() or text[place - 1].isspace():
            return place
    return limit


def _skip_blank(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


SPLITTER = Splitter("chars", (ParamSpec("n", types.INT, required=True),), split, "pieces of at most n characters")
