"""Documents and their printing. A document is a text that knows where its lines may break."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from ..records import dataclass

WIDTH = 100


@dataclass(frozen=True, slots=True)
class LineBreak:
    """A possible line break. If the line does not break there, ``flat`` takes its place; with None it always breaks."""

    flat: str | None = None
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Suffix:
    """A comment at the end of a line. It does not count for the width of the line, and a line break must follow it."""

    text: str


@dataclass(frozen=True, slots=True)
class IfBroken:
    """A text that depends on the group around it: ``text`` if the group is broken into lines, ``flat`` if it is not."""

    text: str
    flat: str = ""


@dataclass(slots=True)
class DocConcat:
    parts: Sequence[Doc]
    hard: bool = field(init=False)

    def __post_init__(self) -> None:
        self.hard = any(is_hard(part) for part in self.parts)


@dataclass(slots=True)
class Indent:
    doc: Doc
    by: int = 2
    hard: bool = field(init=False)

    def __post_init__(self) -> None:
        self.hard = is_hard(self.doc)


@dataclass(slots=True)
class Group:
    """A group of line breaks. Either all of them break, or none.

    They break if the group does not fit on the line, or if it has a line break that always breaks.
    """

    doc: Doc
    hard: bool = False

    def __post_init__(self) -> None:
        self.hard = self.hard or is_hard(self.doc)


Doc = str | LineBreak | Suffix | IfBroken | DocConcat | Indent | Group
COMMAS: tuple[Doc, Doc] = (",", IfBroken(","))
"""The text behind each unit of a list but the last, and behind the last."""


def is_hard(doc: Doc) -> bool:
    """Tell whether a document contains a line break that always breaks."""
    if isinstance(doc, (DocConcat, Indent, Group)):
        return doc.hard
    return isinstance(doc, LineBreak) and doc.flat is None


@dataclass(slots=True)
class _Paper:
    written: list[str] = field(default_factory=list)
    column: int = 0
    indent_due: int = 0

    def text(self, text: str) -> None:
        if text:
            # The indentation is written only before a text, so that an empty line stays empty.
            self.written += [" " * self.indent_due, text]
            self.indent_due = 0
            self.column += len(text)

    def line(self, indent: int, blank: bool) -> None:
        self.written.append("\n\n" if blank else "\n")
        self.column = self.indent_due = indent


def render(doc: Doc, width: int = WIDTH) -> str:
    """Print a document. A line is longer than ``width`` only if it cannot be broken anywhere."""
    paper = _Paper()
    stack: list[tuple[int, bool, Doc]] = [(0, False, doc)]
    while stack:
        indent, flat, doc = stack.pop()
        match doc:
            case str():
                paper.text(doc)
            case Suffix():
                paper.text(doc.text)
            case IfBroken():
                paper.text(doc.flat if flat else doc.text)
            case LineBreak():
                if flat and doc.flat is not None:
                    paper.text(doc.flat)
                else:
                    paper.line(indent, doc.blank)
            case DocConcat():
                stack.extend((indent, flat, part) for part in reversed(doc.parts))
            case Indent():
                stack.append((indent + doc.by, flat, doc.doc))
            case Group():
                flat = flat or (not doc.hard and _fits(doc.doc, stack, width - paper.column))
                stack.append((indent, flat, doc.doc))
    return "".join(paper.written)


def _fits(doc: Doc, rest: list[tuple[int, bool, Doc]], room: int) -> bool:
    """Tell whether a document fits on the line, together with the text behind it up to the next line break."""
    following = len(rest)
    todo: list[tuple[bool, Doc]] = [(True, doc)]
    while room >= 0:
        if not todo:
            if following == 0:
                return True
            following -= 1
            todo.append(rest[following][1:])
            continue
        flat, doc = todo.pop()
        match doc:
            case str():
                room -= len(doc)
            case IfBroken():
                room -= len(doc.flat if flat else doc.text)
            case LineBreak():
                if not flat or doc.flat is None:
                    return True
                room -= len(doc.flat)
            case DocConcat():
                todo.extend((flat, part) for part in reversed(doc.parts))
            case Indent() | Group():
                todo.append((flat, doc.doc))
    return False
