"""The plugin for pytest: the tests of ``.flow`` files are items, and the fixture ``flow`` runs a flow from Python.

pytest loads this module at each start, so it loads the rest of flowrun only when a flow is collected or run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .discovery import Found, Sources
    from .outcome import TestOutcome
    from .poisoning import Poisoning
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
    patterns = config.getini(SETTING)
    if not all(isinstance(one, str) for one in patterns):
        raise pytest.UsageError(f"{SETTING} is a list of patterns, such as flows/**/*.flow; found {patterns!r}")
    config.stash[_SOURCES] = None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> FlowFile | None:
    if file_path.suffix != ".flow":
        return None
    named = parent.session.isinitpath(file_path) or _is_named(file_path, parent.config)
    return FlowFile.from_parent(parent, path=file_path) if named else None


def _is_named(path: Path, config: pytest.Config) -> bool:
    from .path_patterns import path_fits

    told = os.path.relpath(path, config.rootpath)
    for pattern in map(os.path.normpath, config.getini(SETTING)):
        of = path.name if os.sep not in pattern else str(path) if os.path.isabs(pattern) else told
        # A pattern that fits a folder stands for all files in it and below.
        if path_fits(of, pattern) or path_fits(told, os.path.join(pattern, "**")):
            return True
    return False


class FlowFile(pytest.File):
    """A file with tests of flows."""

    def collect(self) -> Iterator[FlowItem]:
        from .discovery import tests_of

        name = _told(self.path)
        checked = _sources(self.config).check(name)
        tables: dict[int, list[FlowItem]] = {}
        items = [FlowItem.of(self, found) for found in tests_of(checked, self.path.parent, costs=False)]
        for item in items:
            item.rows = tables.setdefault(id(item.found.test), [])
            item.rows.append(item)
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


@dataclass(eq=False)
class _Crash:
    """The place and the message of a failure. pytest's summary and its XML of JUnit look for them."""

    path: str
    lineno: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.lineno}: {self.message}"


class _FailureText:
    """A failure as `flowrun test` writes it. pytest prints it by ``toterminal``, or takes it as a text."""

    def __init__(self, outcome: TestOutcome, sources: Sources) -> None:
        self._outcome = outcome
        self._source = sources.read(outcome.file)
        first = outcome.failures[0]
        self.reprcrash = _Crash(outcome.file, first.place.line, first.message)

    def _text(self, *, colour: bool) -> str:
        from .failure_text import failure_text

        failures = self._outcome.failures
        return "\n\n".join(failure_text(self._outcome, one, self._source, colour=colour) for one in failures)

    def __str__(self) -> str:
        return self._text(colour=False)

    def inside(self, known: Any) -> Any:
        """Put the failure into pytest's own form of an exception, which xdist can send to another process."""
        [entry, *_] = known.reprtraceback.reprentries
        entry.lines = [f"{self}\n"]
        known.reprtraceback.reprentries = [entry]
        crash = known.reprcrash
        crash.path, crash.lineno, crash.message = self.reprcrash.path, self.reprcrash.lineno, self.reprcrash.message
        return known

    def toterminal(self, out: Any) -> None:
        for line in self._text(colour=out.hasmarkup).splitlines():
            out.line(line)


class FlowItem(pytest.Item):
    """A test of a flow, or a row of its table. ``rows`` are the items of all rows."""

    found: Found
    rows: list[FlowItem]
    outcome: TestOutcome | None = None

    @classmethod
    def of(cls, parent: FlowFile, found: Found) -> FlowItem:
        from flowrun.runtime.vocabulary.quoting import one_line

        # Two colons divide the parts of pytest's names.
        name = re.sub(":{2,}", ":", one_line(found.title))
        # pytest remembers failures by the text of the whole name, whose brackets it reads as parameters.
        item: FlowItem = cls.from_parent(parent, name=name, nodeid=f"{parent.nodeid}::{name}")
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
        if not isinstance(excinfo.value, FlowTestFailedError):
            return super().repr_failure(excinfo, style)
        failure = _FailureText(excinfo.value.outcome, _sources(self.config))
        return failure.inside(excinfo.getrepr(style="native")) if hasattr(self.config, "workerinput") else failure

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
    from .scripted_run import run_scripted
    from .scripted_setup import beside

    return beside(run_scripted, request.path.parent, request.config.rootpath)


@pytest.fixture
def poison(request: pytest.FixtureRequest) -> Callable[..., Poisoning]:
    """Prove that a hostile element changes no request outside of its reach.

    The arguments are those of the fixture ``flow``. ``flowrun.testing.poison`` has some more. A relative path starts
    as it does there.
    """
    from .poisoning import poison
    from .scripted_setup import beside

    return beside(poison, request.path.parent, request.config.rootpath)
