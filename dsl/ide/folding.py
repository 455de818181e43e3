"""The parts of a text that an editor can fold or select."""

from __future__ import annotations

from ..source import Span
from .pieces import Piece
from .values import Fold
from .view import View

_PAIRS = {"RBRACE": "LBRACE", "RPAR": "LPAR", "RSQB": "LSQB"}
_OPENS = frozenset(_PAIRS.values())


def folds(view: View) -> tuple[Fold, ...]:
    """Return the parts of several lines: blocks, texts, comments and imports."""
    found = [Fold(span, "block") for span in _brackets(view)]
    found += [
        Fold(view.source.span(one.start, one.end), "text")
        for one in view.pieces
        if one.type == "STRING" and "\n" in one.text.rstrip()
    ]
    found += _rows(view, "COMMENT")
    found += _rows(view, "IMPORT")
    whole = [one for one in found if "\n" in one.span.text]
    return tuple(sorted(whole, key=lambda one: (one.span.start, -one.span.end)))


def _brackets(view: View) -> list[Span]:
    opened: list[Piece] = []
    found: list[Span] = []
    for one in view.pieces:
        if one.type in _OPENS:
            opened.append(one)
        elif one.type in _PAIRS and opened and opened[-1].type == _PAIRS[one.type]:
            found.append(view.source.span(opened.pop().start, one.end))
    return found


def _rows(view: View, type: str) -> list[Fold]:
    """Return the rows of comments, or of imports, that follow each other on lines of their own."""
    text = view.source.text
    found: list[Fold] = []
    start = end = -1
    for one in view.pieces:
        if one.type != type or text[text.rfind("\n", 0, one.start) + 1 : one.start].strip():
            continue
        line = text.find("\n", one.start)
        line = len(text) if line < 0 else line
        if start >= 0 and not text[end : one.start].strip() and text.count("\n", end, one.start) == 1:
            end = line
            continue
        if start >= 0:
            found.append(Fold(view.source.span(start, end), "comment" if type == "COMMENT" else "imports"))
        start, end = one.start, line
    if start >= 0:
        found.append(Fold(view.source.span(start, end), "comment" if type == "COMMENT" else "imports"))
    return found


def ranges(view: View, at: int) -> tuple[Span, ...]:
    """Return the parts around an offset, from the smallest to the whole file. Each lies in the next."""
    source = view.source
    at = max(0, min(at, len(source.text)))
    found = [source.span(one.start, one.end) for one in view.pieces if one.start <= at < one.end or _ends(one, at)]
    start = source.text.rfind("\n", 0, at) + 1
    end = source.text.find("\n", at)
    end = len(source.text) if end < 0 else end
    line = source.text[start:end]
    found.append(source.span(start + len(line) - len(line.lstrip()), start + len(line.rstrip())))
    for span in _brackets(view):
        if span.start <= at <= span.end:
            found += [source.span(span.start + 1, span.end - 1), span]
    found.append(source.span(0, len(source.text)))
    kept: list[Span] = []
    for span in sorted(found, key=lambda one: one.end - one.start):
        inside = not kept or (span.start <= kept[-1].start and kept[-1].end <= span.end)
        same = kept and (span.start, span.end) == (kept[-1].start, kept[-1].end)
        if inside and not same and span.start <= at <= span.end:
            kept.append(span)
    return tuple(kept)


def _ends(piece: Piece, at: int) -> bool:
    """Return True if a word ends at an offset."""
    return piece.end == at and piece.text[-1:].isalnum()
