"""The results of tests, with their summary. ``test_formats`` writes them in other formats."""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING

from flowrun.dsl import Diagnostic, FlowError, Source, dataclass
from flowrun.testing.discovery import FileResult, Sources
from flowrun.testing.outcome import TestOutcome

from ...vocabulary.errors import UsageError

if TYPE_CHECKING:
    from .coverage import Counted


@dataclass(eq=False, slots=True)
class Results:
    """The results of all files. ``word`` is the part of titles that was asked for, ``unread`` what cannot be read.

    ``coverage`` is None if nobody asked for it.
    """

    word: str = ""
    unread: list[tuple[str, str]] = field(default_factory=list)
    files: list[FileResult] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    coverage: Counted | None = None
    _sources: Sources = field(default_factory=Sources)

    def take(self, result: FileResult) -> None:
        self.files.append(result)
        if result.unread:
            self.unread.append((result.name, result.unread))

    @property
    def outcomes(self) -> list[TestOutcome]:
        return [outcome for file in self.files for outcome in file.outcomes]

    @property
    def broken(self) -> list[FileResult]:
        return [file for file in self.files if file.broken]

    @property
    def tests(self) -> int:
        return sum(file.tests for file in self.files)

    @property
    def failed(self) -> bool:
        return any(file.failed for file in self.files)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def findings(self) -> list[Diagnostic]:
        """Return the diagnostics of the broken files."""
        found: dict[object, Diagnostic] = {}
        for file in self.broken:
            try:
                self._sources.check(file.name)
            except FlowError as error:
                for one in error.diagnostics:
                    found.setdefault((one.sort_key, one.message), one)
            except UsageError as error:
                self.unread.append((file.name, str(error)))
        return sorted(found.values(), key=lambda one: one.sort_key)

    def source(self, name: str) -> Source:
        return self._sources.read(name)

    def number(self, status: str) -> int:
        return sum(outcome.status == status for outcome in self.outcomes)


def summary_line(results: Results) -> str:
    """Count the tests in one line."""
    total = len(results.outcomes)
    bad = total - results.number("passed")
    files = len(results.files)
    where = f"in {files:,} file{'s' * (files != 1)}"
    broken = len(results.broken)
    more = f", and {broken:,} file{'s' * (broken != 1)} with errors ran no test" if broken else ""
    took = f"({results.seconds:.2f} s)"
    if not total and not broken:
        return f"there are no tests {where}"
    if bad:
        return f"{bad:,} of {total:,} test{'s' * (total != 1)} failed {where}{more} {took}"
    return f"{total:,} test{'s' * (total != 1)} passed {where}{more} {took}"
