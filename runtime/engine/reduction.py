"""The end of a block: its results are combined to one value, or it fails. Whatever still runs in it is cancelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from flowrun.dsl import plan as p
from flowrun.dsl import rule_of, types

from ..plans.free_names import in_asks, mentions
from ..reducers import Question, ReduceError, UndecidedError
from ..values.candidates import Candidates
from ..values.expressions import shaped
from ..vocabulary import events as e
from ..vocabulary.errors import FlowrunError
from ..vocabulary.tally import Tally
from .calls import Calls
from .combining import Asked
from .decisions import Failure
from .extern_calls import ExternCalls
from .frames import BlockRun, Frame, Layout
from .samples import sample_of
from .scopes import Context, Scope
from .steps import Steps
from .timers import Timers

Json = Any


class Ends:
    """The ends of blocks. ``tallies`` are the votes by path; ``flows_open`` counts the calls of flows under way."""

    def __init__(
        self,
        context: Context,
        calls: Calls,
        externs: ExternCalls,
        steps: Steps,
        timers: Timers,
        events: list[e.Event],
    ) -> None:
        self.context = context
        self.calls = calls
        self.externs = externs
        self.steps = steps
        self.timers = timers
        self.events = events
        self.tallies: dict[str, Tally] = {}
        self.flows_open = 0

    def drop(self, frame: Frame, *, keep: bool) -> None:
        """Cancel everything that runs in a frame, however deep flows call flows in it.

        ``keep``: requests that are under way still get their answers, for these are paid.
        """
        todo = [frame]
        while todo:
            one = todo.pop()
            one.over = True
            self.calls.cancel(one.calls, keep=keep)
            self.externs.cancel(one)
            self.steps.reads.cancel(one)
            for run in one.runs:
                run.over = True
                self.timers.stop(run.timer)
                if isinstance(run.step.node, p.FlowCall):
                    self.flows_open -= 1
                    self.events.append(e.BlockClosed(run.around.path, run.layout.once))
                self.calls.cancel(run.calls, keep=keep)
                self.externs.cancel(run)
                self.steps.reads.cancel(run)
                todo.extend(run.open.values())
                run.open.clear()
            one.runs.clear()

    def _close(self, run: BlockRun, *, keep: bool) -> None:
        """Close a block that has its value or will have none: cancel everything that still runs in it."""
        run.over = True
        self.timers.stop(run.timer)
        if run in run.frame.runs:
            del run.frame.runs[run]
            self.flows_open -= isinstance(run.step.node, p.FlowCall)
        self._drop_open(run, keep=keep)
        self.calls.cancel(run.calls, keep=keep)
        self.externs.cancel(run)
        self.steps.reads.cancel(run)

    def _drop_open(self, run: BlockRun, *, keep: bool) -> None:
        for body in run.open.values():
            self.drop(body, keep=keep)
        run.open.clear()

    def end(self, run: BlockRun, value: Json) -> None:
        self._close(run, keep=False)
        self.steps.settle(run.frame, run.step, value)

    def give_up(self, run: BlockRun, failure: Failure) -> None:
        if run.votes:
            self._count_out(run)
        self._close(run, keep=True)
        # Put first in line, not called from here: the failure may be nested deeper than Python's stack.
        self.steps.work.appendleft(partial(self.steps.fail, run.frame, run.step, failure))

    # Reducing

    def conclude(self, run: BlockRun) -> None:
        """Reduce a block that has all the results that count, and cancel its other bodies."""
        spared = (run.total - run.finished) * run.layout.once
        if spared and isinstance(run.step.node, (p.Map, p.Repeat)):
            self.events.append(e.BlockClosed(run.around.path, spared))
        self._drop_open(run, keep=False)
        self.reduce(run)

    def reduce(self, run: BlockRun) -> None:
        run.over = True
        deciding = run.reduce.deciding if run.reduce is not None else None
        questions = run.reducer.questions() if deciding is not None else ()
        if run.reduce is not None and deciding is not None and questions:
            self._decide(run, run.reduce, deciding, questions)
        else:
            self._reduced(run)

    def _decide(self, run: BlockRun, reduce: p.Reduce, ask: p.Ask, questions: Sequence[Question]) -> None:
        """Ask the questions that the rule needs answered before it has a value."""
        answers: dict[int, Json] = {}

        def heard(place: int, answer: Json) -> None:
            answers[place] = answer
            if len(answers) == len(questions):
                run.reducer.heard([answers[one] for one in range(len(questions))])
                self._reduced(run)

        for place, question in enumerate(questions):
            asked = replace(reduce, ask=replace(ask, answer=question.answer))
            results = (Candidates if question.numbered else list)(question.results)
            self._combine(run, asked, {"results": results}, partial(heard, place), f"[{place}]")

    def _reduced(self, run: BlockRun) -> None:
        try:
            self._tell(run)
            value = run.reducer.value()
        except ReduceError as error:
            nothing = run.votes and not run.total
            reason = "there is nothing to vote on: the list is empty" if nothing else str(error)
            self._fail(run, reason + (f"; the last: {run.last_loss.reason}" if run.last_loss else ""), error)
            return
        reduce = run.reduce
        if reduce is None or rule_of(reduce) is not None:
            self.end(run, value)
        elif reduce.rule == "fold" and run.merge is not None and not run.merge.empty:
            self.end(run, run.merge.root)
        elif reduce.ask is not None and not value:
            self._reduce_nothing(run, reduce.ask.answer)
        else:
            results = list(value.values()) if isinstance(run.step.node, p.Fanout) else value
            self._combine(run, reduce, {"results": results}, partial(self.end, run))

    def _reduce_nothing(self, run: BlockRun, answer: types.Type) -> None:
        if run.last_loss is not None:
            reason = f"every element failed; the last: {run.last_loss.reason}"
        elif answer == types.TEXT:
            self.end(run, "")
            return
        elif isinstance(answer, types.ListOf):
            self.end(run, [])
            return
        else:
            reason = f"there is nothing to combine, and nothing is no {types.show(answer)}"
        self._fail(run, reason, ReduceError(reason))

    def _fail(self, run: BlockRun, reason: str, error: ReduceError) -> None:
        """Fail a block whose results make no value.

        If a loss may be to blame, the error says that the value is undecided; a vote decides that itself.
        """
        if not run.votes and run.last_loss is not None and not run.last_loss.abstains:
            error = UndecidedError(str(error))
        self.give_up(run, Failure(run.around.path, reason, error))

    def _tell(self, run: BlockRun, *, ended: bool = True) -> None:
        """Publish the tally of a vote, for the flow and for people. A vote that has not ``ended`` is not settled."""
        tally = run.reducer.tally(run.launched)
        if tally is not None:
            tally = tally if ended else replace(tally, settled=False)
            self.tallies[run.around.path] = run.frame.tallies[run.step.name] = tally
            self.events.append(e.VoteCounted(run.around.path, tally, dict(run.used)))

    def _count_out(self, run: BlockRun) -> None:
        """Count a vote that ends before its time: ballots that are still out are lost, and the tally so far is told."""
        if run.around.path in self.tallies:
            return
        for body in run.open.values():
            if not isinstance(run.step.node, p.Fanout):
                run.reducer.lose(body.index, sent=True)
                continue
            for place, step in enumerate(body.layout.steps):
                if step.name not in body.values and step.name not in body.failed:
                    run.reducer.lose(place, sent=True)
        self._tell(run, ended=False)

    def _combine(
        self, run: BlockRun, reduce: p.Reduce, given: dict[str, Json], then: Callable[[Json], None], place: str = ""
    ) -> None:
        """Make the reducer's own call as soon as the steps that it mentions are finished.

        Its ask sees the names in ``given``; an extern gets the results from there.
        """
        path = f"{run.around.path}.reduce"

        def ready(failure: Failure | None) -> None:
            if run not in run.frame.runs:
                return
            if failure is not None:
                self.give_up(run, failure)
            else:
                self.steps.reads.attempt(run, combine)

        def combine() -> None:
            fail = partial(self.give_up, run)
            try:
                if reduce.extern is not None:
                    taken = next(one for one in self.externs.externs[reduce.extern].params if one.name == "results")
                    args = Scope(self.context, run.frame).options(reduce.args)
                    args = {**args, "results": shaped(given["results"], taken.type)}
                    self.externs.launch(run, reduce.extern, args, path, then, fail)
                elif reduce.ask is not None:
                    inner = _asking(run, given)
                    sample = sample_of(inner, f"{run.step.name}.reduce")
                    self.calls.launch(inner, reduce.ask, reduce.options, path, then, fail, sample=sample, place=place)
            except FlowrunError as error:
                self.give_up(run, Failure(path, str(error), error))

        if run.merge is None or run.body is None:
            self.steps.wait(run.frame, reduce.needs, ready)
            return
        # A tree or a fold asks while branches are still out: for those that it mentions by name it waits.
        own = (in_asks(reduce.asks) | {*mentions([*reduce.options.values()])}) & run.layout.places.keys()
        self.steps.wait(run.body, (*reduce.needs, *own), ready)

    def merge(self, run: BlockRun, level: int, index: int, value: Json) -> None:
        assert run.merge is not None
        self.merge_more(run, run.merge.take(level, index, value))

    def merge_more(self, run: BlockRun, asked: Sequence[Asked]) -> None:
        """Make the asks of a tree or fold that are ready, and end the block if the tree or fold is done."""
        merge, reduce = run.merge, run.reduce
        assert merge is not None and reduce is not None and reduce.ask is not None
        for above, place, given in asked:
            then = partial(self.merge, run, above, place)
            self._combine(run, reduce, given, then, f"[{above}.{place}]")
        if merge.done and not run.over:
            if merge.empty:
                self._reduce_nothing(run, reduce.ask.answer)
            else:
                self.end(run, merge.root)


def _asking(run: BlockRun, given: dict[str, Json]) -> Frame:
    """Make the frame of a reducer's ask. It sees the names in ``given``, and the branches of a fan-out by their names.

    A branch that was lost is None. The calls of this frame are the run's own, and are cancelled with the run.
    """
    body = run.body
    branches = {} if body is None else {step.name: body.values.get(step.name) for step in body.layout.steps}
    tallies = {} if body is None else body.tallies
    return Frame(Layout((), None), run.frame, given={**branches, **given}, tallies=tallies, calls=run.calls)
