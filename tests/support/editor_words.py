"""The flows of the project with the roles of their words, for tests of highlighters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flowrun.dsl import Source, ide
from flowrun.runtime.catalog import catalog

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("workflows", "tests/corpus/ok", "tests/corpus/run", "tests/corpus/plan", "tests/corpus/coverage")
ALL = ("workflows", "tests/corpus")


def flow_files(folders: tuple[str, ...] = FOLDERS) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.flow"))


def roles() -> Iterator[tuple[str, str, list[tuple[int, int, str]]]]:
    """Yield the name, the text and the roles of each flow that has no errors."""
    for path in flow_files():

        def load(name: str, folder: Path = path.parent) -> Source:
            return Source((folder / name).read_text(encoding="utf-8"), str(folder / name))

        view = ide.look(Source(path.read_text(encoding="utf-8"), str(path)), catalog(), load, None)
        if not any(one.severity == "error" for one in view.findings):
            found: list[tuple[int, int, str]] = [(one.start, one.end, one.role) for one in ide.tokens(view)]
            yield path.relative_to(ROOT).as_posix(), view.source.text, found
