"""Views of flows for tests: a text with a mark for the cursor, and the flows of the corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from flowrun.dsl import Load, Source, ide
from flowrun.runtime.catalog import catalog

MARK = "‸"
ROOT = Path(__file__).parent.parent
CORPUS = sorted(
    path
    for folder in (ROOT / "corpus", ROOT.parent / "workflows")
    for path in folder.rglob("*.flow")
    if path.stat().st_size < 20_000
)
"""The flows of the corpus, right and wrong ones."""


def files(texts: Mapping[str, str]) -> Load:
    """Return the reader of files that are given as texts."""
    sources = {name: Source(text, name) for name, text in texts.items()}
    return lambda path: sources.get(path, "there is no such file")


def beside(path: Path) -> Load:
    """Return the reader of the files in the folder of a flow."""

    def load(name: str) -> Source | str:
        file = path.parent / name
        return Source(file.read_text(encoding="utf-8"), name) if file.is_file() else "there is no such file"

    return load


def viewed(text: str, others: Mapping[str, str] | None = None, *, before: str = "") -> tuple[ide.View, int]:
    """Return the view of a text and the offset of its mark. ``before`` is an earlier state of the text."""
    at = text.index(MARK)
    load = files(others or {})
    source = Source(text.replace(MARK, "", 1), "main.flow")
    last = ide.look(Source(before, "main.flow"), catalog(), load) if before else None
    return ide.look(source, catalog(), load, last), at


def of_file(path: Path, *, quick: bool = False) -> ide.View:
    """Return the view of a file."""
    return ide.look(Source(path.read_text(encoding="utf-8"), path.name), catalog(), beside(path), quick=quick)


def labels(view: ide.View, at: int, paths: Callable[[str], list[str]] | None = None) -> list[str]:
    return [one.label for one in ide.complete(view, at, paths)]
