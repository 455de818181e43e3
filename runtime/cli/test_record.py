"""`flowrun test --record`: ask the models for the answers that cassettes lack. Its plan is shown first."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowrun.dsl import FlowError, dataclass
from flowrun.testing.discovery import Found, Sources, tests_of
from flowrun.testing.recording import RecordedCassettes, Wanted, Wave, must_have_cassettes, wanted_of, wave_of

from ..api import Result, RunOptions, run_typed
from ..costs.written_budget import Budget, read_budget
from ..files.files import Files
from ..forecast.estimate import estimate_plan
from ..outputs.target import Target
from ..vocabulary.errors import StoppedError, UsageError
from ..vocabulary.quoting import inert
from . import exits
from .consent import host_question, person
from .console import complain
from .journals import journal_files, journal_path
from .people import at_terminal
from .plan_view import answers_of_people, cost_in_words, in_words
from .progress import watcher
from .signals import run_stoppable
from .tracing import tracing

if TYPE_CHECKING:
    from flowrun.dsl import plan as p


_SPENT = "the budget was spent before the cassettes were whole: give `--record missing` with a larger --budget"


@dataclass(frozen=True, slots=True)
class _File:
    """A flow file with the tests that are recorded, and their cassettes."""

    name: str
    tests: Sequence[Found]
    cassettes: RecordedCassettes


class Recording:
    """The recording of the cassettes of some tests. ``given`` are the options of the command."""

    def __init__(self, names: Sequence[str], given: Mapping[str, Any]) -> None:
        self.given = given
        self.journal = journal_path(given["journal"])
        self.budget = read_budget(given["budget"]) if given["budget"] is not None else None
        self.left: Budget | None = self.budget
        self.broken = False
        self.files = [*self._found(names)]
        if not self.broken:
            must_have_cassettes([test for file in self.files for test in file.tests])
        self.troubles: list[str] = []

    def _found(self, names: Sequence[str]) -> Iterable[_File]:
        sources, word = Sources(), self.given["word"].casefold()
        for name in names:
            try:
                checked = sources.check(name)
            except (FlowError, UsageError):
                # The run of the tests tells the errors of a file, and nothing is sent.
                self.broken = True
                continue
            folder = Path(name).parent
            cassettes = RecordedCassettes(folder, missing=self.given["record"] == "missing")
            found = tests_of(checked, folder, lambda title: word in title.casefold(), cassettes)
            tests = [one for one in found if one.test.cassette is not None]
            # So does it with a table or a cassette that cannot be read.
            self.broken = self.broken or any(one.setting is None for one in tests)
            yield _File(name, tests, cassettes)

    def record(self) -> int:
        """Ask for all missing answers, and write the cassettes. Return the exit code. Raises UsageError, DiskError."""
        if self.broken:
            return exits.DONE
        targets = {
            (file.name, name): Target(file.cassettes.path(name), [Path(file.name), *journal_files(self.journal)])
            for file in self.files
            for name in file.cassettes.fresh
        }
        waiting = self._waiting()
        if not waiting:
            print("the cassettes lack no answer, so nothing is sent", file=sys.stderr)
            return exits.DONE
        if not self._agreed(waiting):
            complain("nothing was sent")
            return exits.DONE
        code = exits.DONE
        try:
            while waiting and code == exits.DONE:
                code = self._ask(waiting)
                before, waiting = _chains(waiting), self._waiting() if code == exits.DONE else []
                if waiting and _chains(waiting) <= before:
                    self.troubles.append(
                        "the answers that came do not answer the calls of the tests: nothing more is sent"
                    )
                    code = exits.FAILED
        finally:
            for (name, cassette), target in targets.items():
                whole = next(file for file in self.files if file.name == name).cassettes.whole(cassette)
                if whole.lines:
                    target.write(whole.text())
        for one in dict.fromkeys(self.troubles):
            complain(one)
        return code

    def _waiting(self) -> list[tuple[p.Plan, list[Wanted]]]:
        """Return the calls that wait for an answer, by the plan of their flow."""
        found: dict[int, tuple[p.Plan, list[Wanted]]] = {}
        for test in (test for file in self.files for test in file.tests):
            if test.setting is not None and (wanted := wanted_of(test)):
                plan = test.setting.bench.plan
                found.setdefault(id(plan), (plan, []))[1].extend(wanted)
        return [*found.values()]

    def _agreed(self, waiting: Sequence[tuple[p.Plan, list[Wanted]]]) -> bool:
        """Show what is asked first, and ask the person at the terminal."""
        for plan, wanted in waiting:
            wave = wave_of(plan, wanted)
            bounds = estimate_plan(wave.plan, wave.inputs, Files(Path(plan.source).parent), model=self.given["model"])
            parts = [f"{in_words(bounds.calls)} calls at first", f"cost {cost_in_words(bounds.cost)}"]
            if bounds.people.most:
                parts.append(answers_of_people(bounds.people))
            parts.append("their answers may lead to more" + ("" if self.budget else "; --budget limits them all"))
            print(inert(f"{plan.flow}: {' · '.join(parts)}"), file=sys.stderr)
        ask = person()
        return self.given["yes"] or ask is None or ask("Ask for the answers? [y/N] ")

    def _ask(self, waiting: Sequence[tuple[p.Plan, list[Wanted]]]) -> int:
        """Send one wave of questions. Return an exit code; other than 0, nothing more is sent."""
        for plan, wanted in waiting:
            wave = wave_of(plan, wanted)
            if self.left is not None and self.left != self.budget and _too_little(self.left, wave):
                self.troubles.append(_SPENT)
                return exits.OVER_LIMIT
            try:
                result = self._run(wave)
            except UsageError as error:
                # The rest of the budget may be too little for the next questions.
                if self.left in (None, self.budget):
                    raise
                self.troubles += [_SPENT, str(error)]
                return exits.OVER_LIMIT
            lacking = [*wave.keep(self._calls(result))]
            self.troubles += lacking
            if self.left is not None:
                self.left = _left(self.left, result)
            stopped = result.outcome.stopped
            if isinstance(stopped, StoppedError):
                return 128 + stopped.signal if stopped.signal else exits.INTERRUPTED
            if result.status == "budget":
                self.troubles.append(_SPENT)
                return exits.OVER_LIMIT
            if lacking:
                return exits.FAILED
        return exits.DONE

    def _run(self, wave: Wave) -> Result:
        given = self.given
        with tracing(quiet=False) as traces, watcher(quiet=False) as watch:
            return run_stoppable(
                lambda stop: run_typed(
                    wave.plan,
                    wave.inputs,
                    RunOptions(
                        model=given["model"],
                        allow_host=given["allow_host"],
                        ask_hosts=host_question(),
                        ask_person=at_terminal(watch.held),
                        journal=self.journal,
                        fresh=given["record"] == "all",
                        budget=self.left,
                        stop=stop,
                        on_event=(watch, *traces),
                    ),
                )
            )

    def _calls(self, result: Result) -> Sequence[Any]:
        assert result.source is not None
        return result.source.record(result.run, result.outcome, result.summary).calls


def _chains(waiting: Sequence[tuple[p.Plan, list[Wanted]]]) -> set[object]:
    """Return the calls that wait, each with its repetition."""
    return {(id(one.cassette), one.chain, one.call.call.sample.again) for _, calls in waiting for one in calls}


def _too_little(left: Budget, wave: Wave) -> bool:
    return left.money == 0 or (left.calls is not None and left.calls < wave.calls)


def _left(budget: Budget, result: Result) -> Budget:
    """Return what a wave leaves of the budget to the next one."""
    calls = None if budget.calls is None else max(0, budget.calls - result.summary.whole.sent)
    money = None if budget.money is None else max(0.0, budget.money - result.spent)
    return replace(budget, calls=calls, money=money)
