"""The plugin for pytest: the tests of ``.flow`` files are items, and the fixture ``flow`` runs a flow from Python.

pytest loads this module at each start, so it loads the rest of flowrun only when a flow is collected or run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .discovery import Found, Sources
    from .outcome import TestOutcome
    from .scripted_run import ScriptedResult

SETTING = "flowrun_files"
MARKER = "flowrun"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        SETTING,
        "Patterns of the .flow files whose tests pytest runs, from the root folder; without a slash, names of files.",
        type="args",
        default=[],
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARKER}: a test of a .flow file")
    config.stash[_SOURCES] = None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> FlowFile | None:
    if file_path.suffix != ".flow":
        return None
    named = parent.session.isinitpath(file_path) or _is_named(file_path, parent.config)
    return FlowFile.from_parent(parent, path=file_path) if named else None


def _is_named(path: Path, config: pytest.Config) -> bool:
    from .path_patterns import path_fits

    told = os.path.relpath(path, config.rootpath)
    return any(
        path_fits(told if "/" in pattern else path.name, os.path.normpath(pattern))
        for pattern in config.getini(SETTING)
    )


class FlowFile(pytest.File):
    """A file with tests of flows."""

    def collect(self) -> Iterator[FlowItem]:
        from .discovery import tests_of

        name = _told(self.path)
        checked = _sources(self.config).check(name)
        items = [FlowItem.of(self, found) for found in tests_of(checked, self.path.parent)]
        for item in items:
            item.rows = [one for one in items if one.found.test is item.found.test]
        yield from items

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Write the errors of a file as `flowrun test` does."""
        from flowrun.dsl import FlowError, render_diagnostics
        from flowrun.runtime.vocabulary.errors import UsageError

        if isinstance(excinfo.value, FlowError):
            return render_diagnostics(one for one in excinfo.value.diagnostics if one.severity == "error")
        if isinstance(excinfo.value, UsageError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class FlowTestFailedError(Exception):
    """A test of a flow did not pass. ``outcome`` says why."""

    def __init__(self, outcome: TestOutcome) -> None:
        self.outcome = outcome
        super().__init__("; ".join(one.message for one in outcome.failures))


class FlowItem(pytest.Item):
    """A test of a flow, or a row of its table. ``rows`` are the items of all rows."""

    found: Found
    rows: list[FlowItem]
    outcome: TestOutcome | None = None

    @classmethod
    def of(cls, parent: FlowFile, found: Found) -> FlowItem:
        from flowrun.runtime.vocabulary.quoting import one_line

        item: FlowItem = cls.from_parent(parent, name=one_line(found.title))
        item.found = found
        item.extra_keyword_matches.add(found.test.flow)
        item.add_marker(MARKER)
        return item

    def played(self) -> TestOutcome:
        if self.outcome is None:
            self.outcome = self.found.run()
        return self.outcome

    def runtest(self) -> None:
        from .discovery import last_row

        outcome = self.played()
        if self is self.rows[-1] and outcome.unused:
            # The other rows may have run in another process, or not at all.
            outcome = last_row([one.played() for one in self.rows[:-1]], outcome)
        if outcome.status != "passed":
            raise FlowTestFailedError(outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Write a failure as `flowrun test` does."""
        from .failure_text import failure_text

        if not isinstance(excinfo.value, FlowTestFailedError):
            return super().repr_failure(excinfo, style)
        outcome = excinfo.value.outcome
        source = _sources(self.config).read(outcome.file)
        return "\n\n".join(failure_text(outcome, failed, source) for failed in outcome.failures)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.found.test.place.line - 1, self.name


_SOURCES: pytest.StashKey[Sources | None] = pytest.StashKey()


def _sources(config: pytest.Config) -> Sources:
    """Return the texts of the flow files of this run of pytest. Each is read once."""
    known = config.stash[_SOURCES]
    if known is None:
        from .discovery import Sources

        known = config.stash[_SOURCES] = Sources()
    return known


def _told(path: Path) -> str:
    """Return the path of a file as messages name it: from the folder in which pytest works, if it is in there."""
    inside = os.path.relpath(path)
    return str(path) if inside.startswith(os.pardir) else inside


@pytest.fixture
def flow(request: pytest.FixtureRequest) -> Callable[..., ScriptedResult]:
    """Run a flow with scripted answers: ``flow("triage.flow", replies={"quick": ["billing"] * 3}, message="Hi")``.

    A relative path starts at the folder of the test, or else at the root folder. ``flowrun.testing.run_scripted`` has
    the other arguments.
    """
    from .scripted_run import run_beside

    return run_beside(request.path.parent, request.config.rootpath)
