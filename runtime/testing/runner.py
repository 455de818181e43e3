"""The runner of a planned test. It has no event loop, no network and no clock: the engine is driven by a replay."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from flowrun.dsl import plan as p
from flowrun.dsl import test_plan
from flowrun.runtime.engine.asks import PreparedAsk
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.engine.frames import Frame
from flowrun.runtime.engine.scopes import Context, ReadAnswer
from flowrun.runtime.replay.driver import WINDOW, Replay
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.errors import FlowrunError
from flowrun.runtime.vocabulary.json_value import Json

from .answer_book import AnswerBook
from .answers import ScriptedSource
from .attempts import Meter
from .bench import Setting
from .expects import check
from .outcome import Failed, Problem, TestOutcome, times_text
from .outside import ScriptedExterns, ScriptedFiles
from .places import Places
from .player import Player
from .script import Line, Script
from .test_run import Ran
from .test_values import InputNames, TestLineError, given_inputs, text_of_file

_ENDS = (e.StepFinished, e.StepFailed, e.ElementLost)


class _Replay(Replay):
    """A replay that tells the source in which frame each call is asked."""

    def __init__(self, setting: Setting, inputs: Mapping[str, Json], source: _Source, context: Context) -> None:
        super().__init__(setting.bench.plan, inputs, source, context, WINDOW)
        self._scripted = source
        self._reached, self._context = setting.reached, context

    def asked(self, call: Call, frame: Frame, read: ReadAnswer) -> None:
        super().asked(call, frame, read)
        prepared = getattr(read, "__self__", None)
        ask = prepared.plan if isinstance(prepared, PreparedAsk) else None
        if self._reached is not None and isinstance(prepared, PreparedAsk):
            self._reached.asked(call, prepared, frame, self._context)
        self._scripted.asks(call, frame, self._scripted.places.spot(call.place or call.path, ask))

    def heard(self, call: Call, value: Json) -> None:
        super().heard(call, value)
        self._scripted.heard(call, value)
        if self._reached is not None:
            self._reached.heard(call, value)

    def decided(self, condition: p.Expr, *, holds: bool) -> None:
        if self._reached is not None:
            self._reached.decided(condition, holds=holds)

    def chosen(self, match: p.Match, branch: int) -> None:
        if self._reached is not None:
            self._reached.chosen(match, branch)

    def lost(self, reduce: p.Reduce) -> None:
        if self._reached is not None:
            self._reached.lost(reduce)


class _Source(ScriptedSource):
    """A scripted source that remembers how the steps of the flow ended."""

    places: Places
    ends: list[e.Event]

    def noted(self, events: Sequence[e.Event]) -> None:
        self.ends.extend(event for event in events if isinstance(event, _ENDS))


def run_test(test: test_plan.Test, setting: Setting) -> TestOutcome:
    """Run a test, or one row of its table."""
    began = time.perf_counter()
    title, place = setting.title or test.title, test.place
    try:
        ran = play(test, setting)
    except FlowrunError as error:
        line = error.place if isinstance(error, TestLineError) else place
        faults = (Failed(line, str(error)),)
        return TestOutcome(title, place.file, place.line, test.flow, "error", faults, ms=_since(began))
    failures = _faults(test, ran)
    left = () if failures else tuple(_failed(test, one) for one in unused(ran))
    if setting.row is None:
        failures, left = [*failures, *left], ()
    return TestOutcome(
        title,
        place.file,
        place.line,
        test.flow,
        "failed" if failures else "passed",
        tuple(failures),
        tuple(ran.source.book.calls),
        _figures(ran, costs=setting.costs),
        _since(began),
        left,
    )


def _since(began: float) -> float:
    return round(1000 * (time.perf_counter() - began), 3)


def play(test: test_plan.Test, setting: Setting, inputs: Mapping[str, Json] | None = None) -> Ran:
    """Run the flow of a test with its answers, and with these inputs, if they are given, in place of its own.

    Raises FlowrunError if its inputs cannot be worked out.
    """
    bench, row = setting.bench, setting.row
    plan, context, places = bench.plan, bench.context, bench.places
    names = InputNames(test, context, row, setting.folder)
    texts = [(one, text_of_file(one, names)) for one in test.files]
    files = names.files = ScriptedFiles(setting.folder, texts)
    given = names.given()
    script = Script(test.replies, given)
    externs = ScriptedExterns(plan, test.externs, places, context, given)
    book = AnswerBook(script, context, setting.other)
    reached = setting.reached
    if reached is not None:
        reached.begin()
    meter = Meter(bench.prices) if reached is None else reached.meter(bench.prices)
    source = _Source(book, externs, files, meter)
    source.places, source.ends = places, []
    if isinstance(setting.other, Player):
        source.agenda.held = setting.other.holds
    replay = _Replay(setting, given_inputs(test, plan, names, row) if inputs is None else inputs, source, context)
    waiting = [call for call in replay if call.end == "waiting"]
    return Ran(replay, source, places, context, plan, given, source.ends, waiting)


# The verdict


def _faults(test: test_plan.Test, ran: Ran) -> list[Failed]:
    """Return what is wrong. If the test itself has a fault, its expectations mean nothing yet."""
    faults = [_failed(test, one) for one in problems(ran)]
    if faults:
        return faults
    found = [failed for one in test.expects if (failed := check(one, ran)) is not None]
    if not ran.outcome.complete and not any(one.kind == "failed" and not one.negated for one in test.expects):
        fault = Problem(None, f"the flow failed: {ran.reason()}", "if this is meant, write `expect failed`")
        found = [replace(_failed(test, fault), calls=tuple(ran.source.book.calls))]
    return found


def _failed(test: test_plan.Test, problem: Problem) -> Failed:
    return Failed(problem.place or test.place, problem.message, problem.help, differs=problem.differs)


def problems(ran: Ran) -> Iterator[Problem]:
    """Yield what is wrong with the script of a run: calls without an answer, and answers that do not fit."""
    source = ran.source
    player = source.book.other if isinstance(source.book.other, Player) else None
    if player is not None:
        yield from player.problems()
    for step, times in source.book.missing.items() if player is None else ():
        asked = f" (it was asked {times} times)" if times > 1 else ""
        partly = any(line.reply.step == step for line in source.book.script.lines)
        said = f"no reply of the test fits this call of `{step}`" if partly else f"no reply answers `{step}`"
        yield Problem(None, f"{said}{asked}", f"write `reply {step}: …`")
    yield from source.book.script.problems
    yield from source.externs.problems


def unused(ran: Ran) -> list[Problem]:
    """Return the lines of a script that the run has not used."""
    return sorted(_never_used(ran.source), key=lambda one: one.place.line if one.place else 0)


def _never_used(source: ScriptedSource) -> Iterator[Problem]:
    for line in source.book.script.unused():
        yield Problem(line.reply.place, f"this reply was never used: {_why(line, source)}", "leave it out")
    yield from source.externs.unused()
    for one in source.files.unused():
        yield Problem(one.place, "this file was never read", "leave it out")


def _why(line: Line, source: ScriptedSource) -> str:
    step = line.reply.step
    spots = [spot for spot, _ in source.prompts if spot.shape.step == step]
    times = len(spots)
    if not times:
        return f"`{step}` was not asked"
    if line.numbers and any(isinstance(number, str) for spot in spots for number in spot.at):
        return f"`{step}` was asked before the number of its element was known, because lists before it were open"
    if not line.met:
        return f"each call of `{step}` took its answer from another line"
    what = "with these numbers" if line.reply.when is None else "with this condition"
    return f"`{step}` was asked {times_text(times)}, but not {what}"


def _figures(ran: Ran, *, costs: bool) -> tuple[tuple[str, Json], ...]:
    """Return the figures of the run. The cost is None if a price is not known."""
    found = []
    for name, work in ran.figures().items():
        if name == "cost":
            found += [(name, ran.cost)] if costs else []
        else:
            found.append((name, work()))
    return tuple(found)
