"""The view: a text as an editor has it, with all that the checker knows of it."""

from __future__ import annotations

from collections.abc import Mapping

from ..catalog import Catalog
from ..check import Load, examine_flow
from ..checked import Checked
from ..diagnostics import Diagnostic
from ..source import Source


class View:
    """A text as an editor has it.

    ``findings`` are those of `validate`. ``checked`` is the last text that could be read, with its names and types; it
    is of this text if ``fresh``. None if there was none. ``files`` has the other files that the check read.
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
    ) -> None:
        self.source = source
        self.catalog = catalog
        self.load = load
        self.findings = findings
        self.checked = checked
        self.fresh = fresh
        self.files = files


def look(
    source: Source, catalog: Catalog, load: Load | None = None, before: View | None = None, *, quick: bool = False
) -> View:
    """Make the view of a text. ``before`` is the view of an earlier state of this text."""
    files: dict[str, Source] = {}

    def read(path: str) -> Source | str:
        found = load(path) if load is not None else "this flow has no folder, so other files cannot be found"
        if isinstance(found, Source):
            files[found.name] = found
        return found

    found = examine_flow(source, catalog, read if load is not None else None)
    checked = found.checked
    fresh = checked is not None
    if checked is None and before is not None:
        checked = before.checked
    return View(source, catalog, load, found.findings, checked, fresh=fresh, files=files)
