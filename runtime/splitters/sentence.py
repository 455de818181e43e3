"""`sentence`: each sentence, in any script.

A sentence ends at `.`, `!`, `?` or `…` before blank space. It does not end there if a small letter follows, or if an
abbreviation or a single letter stands before the point. It ends at signs such as `。`, `！` and `？` anywhere, and at a
blank line. A heading and an item of a list begin a new sentence. Line breaks inside a sentence stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .protocol import Splitter, Stretch, overlap_of, pieces

_BREAK = re.compile(
    r"(?P<blank>(?:\r\n|\r(?!\n)|\n)[^\S\r\n]*(?=[\r\n]))"
    r"|(?P<line>[\r\n])(?=[^\S\r\n]{0,12}(?:[-*+•]|#{1,6}|\d{1,9}[.)])[^\S\r\n])"
    r"|(?P<end>[.!?…]{1,9}['\"”’»)\]]{0,9})(?=\s)"
    r"|(?P<wide>[。！？｡।॥۔؟]{1,9}[」』”’）》]{0,9})"
)
_HEADING = re.compile(r"#{1,6}[^\S\r\n][^\r\n]*")
_MARKER = re.compile(r"[^\S\r\n]*\d{1,9}\.")
_LAST_WORD = re.compile(r"\S+\Z")
_NEXT = re.compile(r"\s{1,80}[\"'“‘«(\[]{0,3}(\S)")
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st no nos vs al fig figs eq sec ch vol ed eds pp cf e.g i.e a.k.a approx dept est inc ltd "
    "jr sr gen col lt sgt rev hon messrs bzw ca evtl ggf inkl nr tel vgl str mme mlle sra sta".split()
)
_LONGEST_WORD = 40


def split(text: str, args: Mapping[str, Any]) -> list[str]:
    return pieces(text, _sentences(text), overlap_of(args))


def _sentences(text: str) -> Iterator[Stretch]:
    start = 0
    for found in _BREAK.finditer(text):
        end = found.end()
        if found["end"] is not None and not _is_end(text, start, found):
            continue
        yield from _apart(text, start, end)
        start = end
    yield from _apart(text, start, len(text))


def _apart(text: str, start: int, end: int) -> Iterator[Stretch]:
    """Yield a stretch without the blank space before it. A heading and the text directly below it are two stretches."""
    start = _past_blanks(text, start, end)
    heading = _HEADING.match(text, start, end)
    if heading:
        yield heading.span()
        start = _past_blanks(text, heading.end(), end)
    if start < end:
        yield start, end


def _past_blanks(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start


def _is_end(text: str, start: int, found: re.Match[str]) -> bool:
    following = _NEXT.match(text, found.end())
    if following and following[1].islower():
        return False
    if found["end"] != ".":
        return True
    if _MARKER.fullmatch(text, max(start, text.rfind("\n", start, found.start()) + 1), found.end()):
        return False
    word = _LAST_WORD.search(text, max(start, found.start() - _LONGEST_WORD), found.start())
    before = word[0].lstrip("\"'“‘«([").lower() if word else ""
    # An initial, a letter of "z. B.": but "I" ends a sentence as often as not.
    return before not in _ABBREVIATIONS and not (len(before) == 1 and before.isalpha() and before != "i")


SPLITTER = Splitter("sentence", (), split, "every sentence")
