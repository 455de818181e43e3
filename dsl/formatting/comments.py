"""The placing of comments. Each comment belongs to one unit of the text, so none is lost or written twice.

Inner parts take their comments before the part around them is put together. A comment that remains inside a unit is at
a place that formatting does not keep, so it moves before the unit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import field
from itertools import pairwise

from .. import syntax as s
from ..records import dataclass
from .layout import Doc, DocConcat, Group, Indent, LineBreak, Suffix


@dataclass(slots=True)
class Unit:
    """A part of the text with a place of its own, such as an element, a field, a step or a clause.

    ``blank`` is True if there is an empty line before the unit. The flag of each leading comment means the same.
    """

    start: int
    end: int
    doc: Doc
    blank: bool = False
    leading: list[tuple[bool, Doc]] = field(default_factory=list)
    trailing: Doc = ""

    @property
    def commented(self) -> bool:
        return bool(self.leading or self.trailing)

    def part(self) -> None:
        """Put an empty line before the unit and its comments."""
        if self.leading:
            self.leading[0] = (True, self.leading[0][1])
        else:
            self.blank = True

    def rows(self, separator: Doc = "") -> list[tuple[bool, Doc]]:
        return [*self.leading, (self.blank, DocConcat([self.doc, separator, self.trailing]))]


class Comments:
    """The comments of a file. Each can be taken once."""

    def __init__(self, file: s.File) -> None:
        self._text = file.span.source.text
        self._comments = sorted(file.comments, key=lambda comment: comment.span.start)
        self._starts = [comment.span.start for comment in self._comments]
        self._taken = bytearray(len(self._comments))

    def take(self, start: int, end: int) -> list[s.Comment]:
        """Take the comments between two offsets that have not been taken yet."""
        found = []
        for number in range(bisect_left(self._starts, start), bisect_left(self._starts, end)):
            if not self._taken[number]:
                self._taken[number] = 1
                found.append(self._comments[number])
        return found

    def unit(self, start: int, end: int, doc: Doc) -> Unit:
        return Unit(start, end, doc, self._blank_before(start))

    def _blank_before(self, offset: int) -> bool:
        # An expression such as `(not x) == y` begins at its first bracket.
        at, lines = offset - 1, 0
        while at >= 0 and self._text[at] in "( \t\n":
            lines = 0 if self._text[at] == "(" else lines + (self._text[at] == "\n")
            at -= 1
        return lines > 1

    def _row(self, comment: s.Comment) -> tuple[bool, Doc]:
        return self._blank_before(comment.span.start), _written(comment)

    def settle(self, units: Sequence[Unit], start: int, early: Sequence[s.Comment] = ()) -> Doc:
        """Give the comments from ``start`` on to the units. Return the comment that stays on the line before the units.

        ``early`` are comments from before ``start`` that belong to the same place.
        """
        opening: Doc = ""
        for number, unit in enumerate(units):
            gap = [*early, *self.take(start, unit.start)] if number == 0 else self.take(start, unit.start)
            if gap and not gap[0].own_line:
                if number == 0:
                    opening = _suffix(gap.pop(0))
                else:
                    units[number - 1].trailing = _suffix(gap.pop(0))
            unit.leading = [self._row(comment) for comment in gap]
            for comment in self.take(unit.start, unit.end):
                # The empty line before the unit stays above its comments.
                unit.leading.append((unit.blank, _written(comment)))
                unit.blank = False
            start = unit.end
        return opening

    def ending(
        self, units: Sequence[Unit], start: int, end: int, late: Sequence[s.Comment] = ()
    ) -> list[tuple[bool, Doc]]:
        """Return the comments behind the last unit.

        A comment that the author wrote on the line of the last unit stays on that line.
        """
        rest = [*self.take(units[-1].end if units else start, end), *late]
        if units and rest and not rest[0].own_line:
            units[-1].trailing = _suffix(rest.pop(0))
        return [self._row(comment) for comment in rest]

    def enclosed(
        self,
        units: list[Unit],
        between: tuple[str, str],
        region: tuple[int, int],
        *,
        separators: tuple[Doc, Doc] = ("", ""),
        broken: bool = False,
        short: bool = False,
        early: Sequence[s.Comment] = (),
        late: Sequence[s.Comment] = (),
    ) -> Doc:
        """Put units between brackets, all on one line or each on its own line.

        The first of the ``separators`` comes behind every unit except the last, and the second behind the last one.
        ``early`` and ``late`` are comments from elsewhere for the first and the last place. If ``short`` is True,
        everything stays on one line unless there is a comment.
        """
        if units:
            opening = self.settle(units, region[0], early)
            rest = self.ending(units, *region, late)
        else:
            found = [*early, *self.take(*region), *late]
            opening = _suffix(found.pop(0)) if found and not found[0].own_line else ""
            rest = [self._row(comment) for comment in found]
        rows = joined_rows(units, rest, *separators)
        commented = bool(opening or rest) or any(unit.commented for unit in units)
        if not rows:
            return DocConcat([between[0], opening, LineBreak(), between[1]]) if commented else between[0] + between[1]
        if short and not commented:
            return DocConcat([between[0], *(unit.doc for unit in units), between[1]])
        pad = " " if between[0] == "{" else ""
        inner = Indent(DocConcat([LineBreak(pad), *rows]))
        return Group(DocConcat([between[0], opening, inner, LineBreak(pad), between[1]]), hard=broken or commented)

    def chained(self, units: list[Unit], *, separator: str = "", by: int = 4) -> Doc:
        """Put units behind one another without brackets.

        If the line must break, the first unit stays and the others are indented.
        """
        # Comments that remain inside the first unit belong to the part around all units.
        units[0].trailing = self.settle(units[1:], units[0].end)
        docs: list[Doc] = []
        for before, unit in pairwise(units):
            docs += [separator, before.trailing, LineBreak(" ")]
            for _, comment in unit.leading:
                docs += [comment, LineBreak(" ")]
            docs.append(unit.doc)
        if not docs:
            return units[0].doc
        broken = any(unit.commented for unit in units)
        return DocConcat([units[0].doc, Group(Indent(DocConcat(docs), by), hard=broken)])


def joined_rows(
    units: Sequence[Unit], rest: Sequence[tuple[bool, Doc]], separator: Doc = "", last: Doc = ""
) -> list[Doc]:
    """Join units and the comments behind them, each on its own line. An empty line before the first unit is dropped."""
    rows: list[tuple[bool, Doc]] = []
    for number, unit in enumerate(units):
        rows += unit.rows(separator if number < len(units) - 1 else last)
    docs: list[Doc] = []
    for number, (blank, doc) in enumerate([*rows, *rest]):
        docs += [LineBreak(" ", blank), doc] if number else [doc]
    return docs


def _suffix(comment: s.Comment) -> Doc:
    return Suffix("  " + _written(comment))


def _written(comment: s.Comment) -> str:
    """Return a comment's text with a space behind its `#`. A comment that begins with `#!` or `##` stays as it is."""
    text = comment.text
    return text if len(text) < 2 or text[1].isspace() or text[1] in "#!" else f"# {text[1:]}"
