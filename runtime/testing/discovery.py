"""The discovery of tests: each file is read and checked once, and its tests run one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from flowrun.dsl import Checked, FlowError, Source, dataclass, make_tests, plan_of_test, test_plan
from flowrun.runtime.files.files import Files, read_plain
from flowrun.runtime.session.loading import check_source
from flowrun.runtime.vocabulary.errors import FlowrunError, InputError, UsageError
from flowrun.runtime.vocabulary.quoting import shown

from .bench import Bench, Setting
from .cassette import Cassette, Chain
from .cassette_file import read_cassette
from .coverage import Coverage, Reached
from .outcome import Failed, TestOutcome
from .player import Player
from .runner import run_test
from .tables import rows_of


@dataclass(frozen=True, slots=True)
class Played:
    """A cassette as a test played it: its real path, the calls whose answers the test took, and whether it passed."""

    path: Path
    used: frozenset[Chain]
    passed: bool


@dataclass(frozen=True, slots=True)
class FileResult:
    """The outcomes of the tests of one file.

    A file that is ``broken`` has errors, so none of its tests ran. ``unread`` says why a file could not be read.
    ``tests`` counts its tests, also those that were not chosen. ``played`` are the cassettes of its tests. ``coverage``
    is None if nobody asked for it.
    """

    name: str
    outcomes: tuple[TestOutcome, ...] = ()
    tests: int = 0
    broken: bool = False
    unread: str = ""
    played: tuple[Played, ...] = ()
    coverage: Coverage | None = None

    @property
    def failed(self) -> bool:
        return self.broken or any(one.status != "passed" for one in self.outcomes)


@dataclass(frozen=True, slots=True)
class Found:
    """A test that can run. ``error`` is set if the file of its line ``line`` cannot be read."""

    title: str
    test: test_plan.Test
    setting: Setting | None
    error: str = ""
    line: str = ""

    def played(self, folder: Path, outcome: TestOutcome) -> Iterator[Played]:
        """Yield what was played of the test's cassette."""
        player = self.setting.other if self.setting is not None else None
        used = frozenset(player.used) if isinstance(player, Player) else frozenset[Chain]()
        if self.test.cassette is not None:
            yield Played(Cassettes(folder).path(self.test.cassette), used, outcome.status == "passed")

    def run(self) -> TestOutcome:
        test = self.test
        if self.setting is None:
            place = test.place
            failed = Failed(test.given.places.get(self.line, place), self.error)
            return TestOutcome(self.title, place.file, place.line, test.flow, "error", (failed,))
        return run_test(test, self.setting)


class Sources:
    """The texts of flow files by their names. Each is read once, even if several files import it."""

    def __init__(self) -> None:
        self._known: dict[str, Source] = {}

    def read(self, name: str) -> Source:
        """Return the text of a file. Raises UsageError."""
        if name not in self._known:
            self._known[name] = Source(read_plain(Path(name)), name)
        return self._known[name]

    def check(self, name: str) -> Checked:
        """Check a file. Raises FlowError, UsageError."""
        return check_source(self.read(name), self._known)


class Cassettes:
    """The cassettes of the tests in a folder, each read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, Cassette] = {}

    def path(self, name: str) -> Path:
        """Return the real path of a cassette. Raises InputError if it is outside of the folder."""
        files = Files(self.folder, (Path(self.folder.absolute().anchor),))
        found = files.resolve(name)
        if not found.is_relative_to(files.folder):
            raise InputError(
                f"the cassette {shown(name)} is a link to {shown(str(found))}, outside the flow's folder: "
                "put the file into the folder or below it"
            )
        return found

    def player(self, test: test_plan.Test) -> Player | None:
        """Make the player of a test's cassette; None if it has none. Raises InputError."""
        if test.cassette is None:
            return None
        return Player(self.read(test.cassette), test.cassette, test.given.places.get(test_plan.CASSETTE))

    def read(self, path: str) -> Cassette:
        """Return the cassette of a path. Raises InputError."""
        if path not in self._known:
            if not self.path(path).exists():
                raise InputError(f"there is no cassette {shown(path)} yet: `flowrun test --record` asks the models")
            self._known[path] = self.reread(path)
        return self._known[path]

    def reread(self, path: str) -> Cassette:
        """Read the file of a cassette. Raises InputError."""
        return read_cassette(Files(self.folder).read_text(path), shown(path))


def tests_of(
    checked: Checked,
    folder: Path,
    chosen: Callable[[str], bool] = lambda title: True,
    cassettes: Cassettes | None = None,
    coverage: Coverage | None = None,
    *,
    costs: bool = True,
) -> Iterator[Found]:
    """Yield the tests of a checked file in ``folder`` whose title is chosen. Each row of a table is a test.

    ``coverage`` gets the parts of the file, and those that the tests reach. With ``costs`` the outcomes have the cost.
    """
    # The tests may run later, when the process works in another folder.
    folder = folder.absolute()
    benches: dict[tuple[str, str], tuple[Bench, Reached | None]] = {}
    cassettes = cassettes or Cassettes(folder)
    if coverage is not None:
        coverage.file(checked)
    for test in make_tests(checked):
        if test.cases is None and not chosen(test.title):
            continue
        key = (test.source, test.flow)
        if key not in benches:
            plan = plan_of_test(checked, test)
            home = checked.imports[test.source] if test.source else checked
            benches[key] = Bench(plan), None if coverage is None else coverage.reached_in(home, plan)
        bench, reached = benches[key]
        inside = Path(bench.plan.source).parent.absolute() if test.source else folder
        line = test_plan.CASSETTE
        try:
            cassettes.player(test)
            line = test_plan.CASES
            rows = [None] if test.cases is None else rows_of(test, bench.plan, Files(folder))
            for row in rows:
                title = test.title if row is None else row.title
                if chosen(title):
                    given = None if row is None else row.row
                    player = cassettes.player(test)
                    yield Found(title, test, Setting(bench, inside, given, title, player, reached, costs))
        except FlowrunError as error:
            if chosen(test.title):
                yield Found(test.title, test, None, str(error), line)


def run_file(
    name: str,
    word: str = "",
    sources: Sources | None = None,
    *,
    stop: bool = False,
    covers: bool = False,
    costs: bool = True,
) -> FileResult:
    """Run the tests of a file whose title has ``word`` in it. With ``stop``, end after the first that does not pass.

    With ``covers``, the result tells what the tests reached. With ``costs``, the outcomes have the cost.
    """
    sources = sources or Sources()
    try:
        checked = sources.check(name)
    except FlowError:
        return FileResult(name, broken=True)
    except UsageError as error:
        return FileResult(name, unread=str(error))
    wanted = word.casefold()
    outcomes: list[TestOutcome] = []
    played: list[Played] = []
    folder = Path(name).parent
    coverage = Coverage() if covers else None
    for found in tests_of(checked, folder, lambda title: wanted in title.casefold(), coverage=coverage, costs=costs):
        outcomes.append(found.run())
        if found.setting is not None:
            played += found.played(folder, outcomes[-1])
        if stop and outcomes[-1].status != "passed":
            break
    ended = tuple(outcomes if word or stop else _with_unused(outcomes))
    return FileResult(name, ended, len(checked.file.tests), played=tuple(played), coverage=coverage)


def _with_unused(outcomes: Sequence[TestOutcome]) -> Iterator[TestOutcome]:
    """Yield the outcomes. If all rows of a table pass, but none used a line of the test, the last one fails."""
    for _, rows in groupby(outcomes, key=lambda one: (one.file, one.line)):
        *others, last = rows
        yield from others
        yield last_row(others, last)


def last_row(others: Sequence[TestOutcome], last: TestOutcome) -> TestOutcome:
    """Return the outcome of the last row of a table: it fails for each line of the test that no row has used."""
    places = [{one.place for one in other.unused} for other in others]
    everywhere = [one for one in last.unused if all(one.place in unused for unused in places)]
    return replace(last, status="failed", failures=tuple(everywhere)) if everywhere else last
