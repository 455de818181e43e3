"""The coverage of flows by tests: which parts of the files a run reached, and the sum of all runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace

from flowrun.dsl import AskMarks, Checked, CoverageItem, CoverageMark, PlannedMarks, dataclass
from flowrun.dsl import plan as p
from flowrun.runtime.costs.prices import Prices
from flowrun.runtime.engine.asks import PreparedAsk
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.engine.frames import Frame
from flowrun.runtime.engine.scopes import Context, Scope
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary.errors import AnswerError, CallError
from flowrun.runtime.vocabulary.json_value import Json

from .attempts import Attempt, Meter


class Reached:
    """The listener for the runs of one plan. ``marks`` gets the parts that they reach."""

    def __init__(self, planned: PlannedMarks, marks: set[CoverageMark] | None = None) -> None:
        self.planned = planned
        self.marks: set[CoverageMark] = set() if marks is None else marks
        self._asks = {id(ask): marks for ask, marks in planned.asks}
        self._conditions = {id(condition): marks for condition, marks in planned.conditions}
        self._matches = {id(match): marks for match, marks in planned.matches}
        self._reducers = {id(reduce): mark for reduce, mark in planned.reducers}
        self._calls: dict[int, tuple[AskMarks, ModelValue]] = {}
        self._first: dict[str, str] = {}

    def begin(self) -> None:
        """Begin another run: its calls have numbers and places of their own."""
        self._calls, self._first = {}, {}

    def meter(self, prices: Prices) -> Meter:
        """Return a meter that tells which requests are sent."""
        return _Meter(prices, self)

    def asked(self, call: Call, ask: PreparedAsk, frame: Frame, context: Context) -> None:
        """Hear of a call before it is sent. It may be cancelled, or a budget may stop it."""
        found = self._asks.get(id(ask.plan))
        if found is not None:
            self._calls[call.number] = found, ask.model(Scope(context, frame))

    def sent(self, call: Call) -> None:
        """Hear that a request of a call is sent."""
        found, model = self._calls[call.number]
        self.marks.add(found.asked)
        first = self._first.setdefault(call.place, call.model)
        if call.model != first:
            self.marks.add(self.planned.replaced(model.name))
        if call.sample.again:
            self.again(call)

    def again(self, call: Call) -> None:
        """Hear that a call is made again: after an answer that did not fit, or after a request that failed."""
        found, model = self._calls[call.number]
        self.marks.add(found.retries or self.planned.retried(model.name))

    def heard(self, call: Call, value: Json) -> None:
        """Hear the value of an answer, or the AnswerError of an answer that does not fit."""
        known = self._calls.get(call.number)
        if known is None or isinstance(value, AnswerError):
            return
        found, _ = known
        for name in found.told:
            self.marks |= {found.answered(name, word) for word in _words(value, name)}

    def decided(self, condition: p.Expr, *, holds: bool) -> None:
        if (found := self._conditions.get(id(condition))) is not None:
            self.marks.add(found[0 if holds else 1])

    def chosen(self, match: p.Match, branch: int) -> None:
        if (found := self._matches.get(id(match))) is not None:
            self.marks.add(found[branch])

    def lost(self, reduce: p.Reduce) -> None:
        if (mark := self._reducers.get(id(reduce))) is not None:
            self.marks.add(mark)


class _Meter(Meter):
    """A meter that tells which requests are sent, and which of them again."""

    def __init__(self, prices: Prices, reached: Reached) -> None:
        super().__init__(prices)
        self._reached = reached

    def started(self, call: Call, now: float, beside: int, attempt: int) -> int:
        self._reached.sent(call)
        return super().started(call, now, beside, attempt)

    def retried(self, attempt: Attempt, error: CallError, wait: float) -> None:
        super().retried(attempt, error, wait)
        self._reached.again(attempt.call)


def _words(value: Json, name: str) -> Iterator[str]:
    """Yield the values of a field, wherever it is in a value, as words. Without a name, those of the value itself."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _words(item, name)
    elif not name:
        yield "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key == name:
                yield from _words(inner, "")
            yield from _words(inner, name)


@dataclass(eq=False, slots=True)
class Coverage:
    """The parts of files that tests should reach, and the marks of those that they did."""

    items: dict[CoverageMark, CoverageItem] = field(default_factory=dict)
    marks: set[CoverageMark] = field(default_factory=set)

    def file(self, checked: Checked) -> None:
        """Count the parts of a file, and of the files that it imports, also if no test runs them."""
        from flowrun.dsl import coverage_items

        for one in (checked, *checked.imports.values()):
            self.items |= {item.mark: item for item in coverage_items(one)}

    def reached_in(self, checked: Checked, plan: p.Plan) -> Reached:
        """Return a listener for the runs of a plan. What it hears counts here. ``checked`` is the file of the flow."""
        return Reached(PlannedMarks(checked, plan), self.marks)

    def take(self, other: Coverage) -> None:
        self.items |= other.items
        self.marks |= other.marks

    def by_file(self) -> list[FileCoverage]:
        """Return the coverage of each file, by name."""
        found: dict[str, list[CoverageItem]] = {}
        for item in self.items.values():
            found.setdefault(item.mark.file, []).append(item)
        return [self._file(name, found[name]) for name in sorted(found)]

    def _file(self, name: str, items: Iterable[CoverageItem]) -> FileCoverage:
        known = sorted(items, key=lambda item: item.line)
        return FileCoverage(name, len(known), tuple(self._told(item) for item in known if item.mark not in self.marks))

    def _told(self, item: CoverageItem) -> CoverageItem:
        """Return an item with the words that fit: a condition that nobody asked neither holds nor fails."""
        untried = item.other is not None and item.other not in self.marks
        return replace(item, missed=item.untried) if untried else item

    @property
    def reached(self) -> int:
        return sum(mark in self.marks for mark in self.items)

    def percent(self) -> float:
        """Return the share of parts that were reached, in percent. Nothing to reach is all of it."""
        return percent(self.reached, len(self.items))


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """The coverage of one file. ``missed`` are the parts that no test reached, in the order of the file."""

    name: str
    items: int
    missed: tuple[CoverageItem, ...]

    @property
    def reached(self) -> int:
        return self.items - len(self.missed)

    @property
    def percent(self) -> float:
        return percent(self.reached, self.items)


def percent(reached: int, items: int) -> float:
    return 100 * reached / items if items else 100.0
