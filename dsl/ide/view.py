"""The view: a text as an editor has it, with all that the checker knows of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from ..catalog import Catalog
from ..check import Examined, Load, examine_tree
from ..checked import Checked
from ..diagnostics import Diagnostic
from ..source import Source, Span
from .mending import Mended, completed, mended
from .pieces import Piece, pieces
from .shift import Shift, between, same, small

if TYPE_CHECKING:
    from .index import Index

NO_FOLDER = "this flow has no folder, so other files cannot be found"


class View:
    """A text as an editor has it.

    ``findings`` are those of `validate`. ``checked`` is the last text that could be read, with its names and types. It
    is of this text if ``fresh``, and None if there was none. ``files`` has the other files that the check read.
    """

    def __init__(
        self,
        source: Source,
        catalog: Catalog,
        load: Load | None,
        findings: tuple[Diagnostic, ...],
        checked: Checked | None,
        *,
        fresh: bool,
        files: Mapping[str, Source],
        shift: Shift,
    ) -> None:
        self.source = source
        self.catalog = catalog
        self.load = load
        self.findings = findings
        self.checked = checked
        self.fresh = fresh
        self.files = files
        self.shift = shift
        """The way between offsets of this text and those of ``checked``."""
        self.kept: dict[str, object] = {}
        """The answers that are worked out once for a view."""

    @cached_property
    def known(self) -> Source:
        """The text of ``checked``."""
        return self.source if self.checked is None else self.checked.file.span.source

    @cached_property
    def index(self) -> Index:
        """The places of all names in this file, and in the files that it imports when they are asked for."""
        from .index import Index

        return Index(self.checked)

    @cached_property
    def pieces(self) -> list[Piece]:
        """The pieces of this text, with those inside its templates."""
        return pieces(self.source)

    def back(self, at: int) -> int:
        """Return the offset in the text of ``checked``, for an offset in this text."""
        return self.shift.back(at)

    def here(self, span: Span) -> Span | None:
        """Return a span of ``checked`` as a span of this text. None if this part of the text was changed.

        A span of another file stays as it is.
        """
        if span.source is not self.known:
            return span
        found = self.shift.onto(span.start, span.end)
        return None if found is None else self.source.span(*found)

    def around(self, span: Span) -> Span:
        """Return a span of ``checked`` as a span of this text, even if this part was changed."""
        return self.source.span(*self.shift.around(span.start, span.end))

    @cached_property
    def _starts(self) -> list[int]:
        return [one.start for one in self.pieces]

    def piece_at(self, at: int) -> Piece | None:
        """Return the innermost piece at an offset. A word may end there."""
        last = bisect_right(self._starts, at) - 1
        for number in range(last, -1, -1):
            one = self.pieces[number]
            if one.end > at or (one.end == at and (one.text[-1:].isalnum() or one.type == "COMMENT")):
                return one
            if not one.type.startswith("T-"):
                return None
        return None

    def before(self, at: int) -> list[Piece]:
        """Return the pieces that begin before an offset."""
        return self.pieces[: bisect_left(self._starts, at)]


def look(
    source: Source, catalog: Catalog, load: Load | None = None, before: View | None = None, *, quick: bool = False
) -> View:
    """Make the view of a text. ``before`` is the view of an earlier state of this text.

    With ``quick`` no fix is tried, so each fix counts as a guess.
    """
    files: dict[str, Source] = {}

    def read(path: str) -> Source | str:
        found = load(path) if load is not None else NO_FOLDER
        if isinstance(found, Source):
            files[found.name] = found
        return found

    reader = read if load is not None else None
    examined, checked = examine_tree(source, catalog, reader, quick=quick)
    fresh = checked is not None
    last = before if before is not None and before.source.name == source.name else None
    known = (checked, same(source.text)) if checked is not None else _nearly(source, catalog, reader, last, examined)
    tree, shift = known if known is not None else (None, same(source.text))
    return View(source, catalog, load, examined.findings, tree, fresh=fresh, files=files, shift=shift)


def _nearly(source: Source, catalog: Catalog, load: Load | None, last: View | None, examined: Examined) -> Mended:
    """Return a checked file that is near to a text which does not parse: with what is missing, or the last one."""
    old = last.source.text if last is not None else source.text
    change = between(old, source.text)
    at = len(source.text) - change.tail if last is not None and old != source.text else None
    if (found := completed(source, examined.findings, at, catalog, load)) is not None:
        return found
    good = last.checked if last is not None else None
    text = good.file.span.source.text if good is not None else ""
    kept = (good, between(text, source.text)) if good is not None else None
    if kept is not None and small(text, source.text):
        return kept
    return mended(source, examined.findings, catalog, load) or kept
