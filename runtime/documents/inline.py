"""The words of one block, with marks for text that is raised, lowered or struck out, because that changes its meaning.

10 with a raised 6 is not 106. A raised text is written `^6`, or `[^1]` if it is the mark of a note. A lowered text is
written `_2`, and a struck text `~~so~~`, as in Markdown.
"""

from __future__ import annotations

import re
from typing import Literal

from flowrun.dsl import dataclass

from .formulas import script

Kind = Literal["raised", "note", "lowered", "struck", "quoted", "ruby"]
_DEEPEST = 16
_BEFORE = 48
_ORDINAL = re.compile(r"st|nd|rd|th|er|ère|re|ème|eme|[ºª°™®©℠*†‡§¶′″]+|tm|sm", re.IGNORECASE)
_NOTE = re.compile(r"\W{0,2}(\w{1,12})\W{0,2}")
# A raised text behind an amount of money or behind the end of a clause is not a power.
_NO_POWER = re.compile(r"(?:[$€£¥]|\b(?:USD|EUR|GBP|CHF))\s?[0-9][0-9.,]*\Z|[^\W\d_]{2,}[.,;:!?]\Z|[.!?][\"'”’»)]\Z")
_EDGES = re.compile(r"(\s*)(.*?)(\s*)", re.DOTALL)


def marked(kind: Kind, inner: str, before: str = "") -> str:
    """Write a text with its mark. ``before`` is the text to its left."""
    found = _EDGES.fullmatch(inner)
    assert found
    left, text, right = found.groups()
    if not text:
        return inner
    return left + _marked(kind, text, before[-_BEFORE:]) + right


def _marked(kind: Kind, text: str, before: str) -> str:
    match kind:
        case "struck":
            return f"~~{text}~~"
        case "quoted":
            return f"“{text}”"
        case "ruby":
            return f"({text})"
        case "lowered":
            return script("_", text)
    if _ORDINAL.fullmatch(text):
        return text
    note = _NOTE.fullmatch(text)
    if note and (kind == "note" or _NO_POWER.search(before)):
        return f"[^{note[1]}]"
    return text if kind == "note" else script("^", text)


@dataclass(slots=True)
class _Mark:
    name: str
    kind: Kind
    start: int
    depth: int = 1


class Words:
    """The words of one block while it is read. A mark that is open at the block's end continues in the next block."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._marks: list[_Mark] = []

    def add(self, word: str) -> None:
        self.words.append(word)

    def open(self, name: str, kind: Kind | None) -> None:
        """Handle the begin of an element.

        Most elements have no mark. They are counted only inside of a marked element of the same name.
        """
        if kind is not None and len(self._marks) < _DEEPEST:
            self._marks.append(_Mark(name, kind, len(self.words)))
        elif self._marks and self._marks[-1].name == name:
            self._marks[-1].depth += 1

    def link(self) -> None:
        """Turn a raised text into the mark of a note, because it links to another place of the page."""
        if self._marks and self._marks[-1].kind == "raised":
            self._marks[-1].kind = "note"

    def close(self, name: str) -> None:
        for place in range(len(self._marks) - 1, -1, -1):
            mark = self._marks[place]
            if mark.name == name:
                mark.depth -= 1
                if not mark.depth:
                    while len(self._marks) > place:
                        self._put(self._marks.pop())
                return

    def take(self) -> str:
        """Return the text of the block and begin the next block."""
        for mark in reversed(self._marks):
            self._put(mark)
            mark.start = 0
        text = "".join(self.words)
        self.words.clear()
        return text

    def _put(self, mark: _Mark) -> None:
        inner = "".join(self.words[mark.start :])
        before = "".join(self.words[max(mark.start - 8, 0) : mark.start])
        self.words[mark.start :] = [marked(mark.kind, inner, before)]
