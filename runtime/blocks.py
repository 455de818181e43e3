"""The life of a block: it opens a frame for each body, feeds the reducer as results come, and ends with one value."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flowrun.dsl import plan as p
from flowrun.dsl import types

from . import events as e
from .calls import Calls, sample_of
from .decisions import Failure
from .errors import FlowrunError, InputError
from .frames import SKIPPED, BlockRun, Frame, Layout, Merge
from .reducers import REDUCERS, ReduceError, Setting, Tally
from .scopes import Context, Scope, path_of, steps_once
from .steps import Steps
from .values import evaluate

Json = Any


class Blocks:
    """Runs blocks. ``window`` is how many bodies of a map may be open at once where the flow does not say.

    ``losses`` are the elements and samples that blocks did without; ``tallies`` the votes, by path.
    """

    def __init__(self, context: Context, calls: Calls, steps: Steps, events: list[e.Event], window: int) -> None:
        self.context = context
        self.calls = calls
        self.steps = steps
        self.events = events
        self.window = window
        self.losses: list[Failure] = []
        self.tallies: dict[str, Tally] = {}
        self._layouts: dict[int, Layout] = {}
        self._serial = 0

    def begin(self, frame: Frame, step: p.Step) -> None:
        """Raises FlowrunError where the block cannot begin."""
        scope = Scope(self.context, frame)
        options = scope.options(step.options)
        node = step.node
        match node:
            case p.Map():
                elements = self._elements(frame, node, scope)
                run = self._run(frame, step, node.reduce, len(elements), len(elements), options)
                run.elements = elements
                run.window = run.window or self.window
            case p.Repeat():
                run = self._run(frame, step, node.reduce, node.least, node.most, options)
            case p.Fanout():
                names = tuple(branch.name for branch in node.body.steps)
                run = self._run(frame, step, node.reduce, len(names), len(names), {"launch": "together"}, names)
                run.on_step = partial(self._branch_done, run)
                run.on_done = lambda _frame, _value: self._conclude(run)
            case _:
                run = self._run(frame, step, None, 1, 1, {})
                run.on_done = lambda _frame, value: self._end(run, value)
        frame.runs.add(run)
        if isinstance(node, (p.Map, p.Repeat)):
            self.events.append(e.BlockOpened(path_of(frame, step), run.total, steps_once(run.layout.steps)))
            self.steps.work.append(partial(self._admit if run.total else self._reduce, run))
        else:
            run.open[0] = body = Frame(run.layout, frame, run)
            self.steps.open(body)

    def _run(
        self,
        frame: Frame,
        step: p.Step,
        reduce: p.Reduce | None,
        least: int,
        most: int,
        options: dict[str, Json],
        names: tuple[str, ...] = (),
    ) -> BlockRun:
        block = step.block
        assert block is not None
        layout = self._layouts.get(id(block))
        if layout is None:
            layout = self._layouts[id(block)] = Layout(block.steps, block.result)
        scope = Scope(self.context, frame)
        rule = REDUCERS[reduce.rule if reduce is not None and reduce.ask is None else "collect"]
        args = scope.options(reduce.args) if reduce is not None else {}
        setting = Setting(least, most, names, args, str(options.get("launch", "cost")))
        merge = None
        if reduce is not None and reduce.count is not None:
            fan_in = evaluate(reduce.count, scope)
            if not isinstance(fan_in, int) or fan_in < 2:
                raise InputError(f"a tree merges two or more at a time, and this is {fan_in!r}")
            merge = Merge(most, fan_in)
        self._serial += 1
        run = BlockRun(self._serial, step, frame, layout, rule.make(setting), most, reduce=reduce, merge=merge)
        run.window = options.get("concurrency")
        if run.window is not None and run.window < 1:
            raise InputError(f"`concurrency` is 1 or more, and this is {run.window}")
        run.votes = rule.spec.votes
        run.errors = str(options.get("errors", "fail"))
        run.on_done = partial(self._body_done, run)
        run.on_failure = partial(self._body_failed, run)
        return run

    def _elements(self, frame: Frame, node: p.Map, scope: Scope) -> list[Json]:
        source = evaluate(node.source, scope)
        if not isinstance(source, list):
            raise InputError(f"a map goes through a list, and this is {type(source).__name__}")
        elements = source
        if node.where is not None:
            elements = []
            for element in source:
                inner = Frame(Layout((), None), frame, given={node.element: element})
                if evaluate(node.where, Scope(self.context, inner)):
                    elements.append(element)
        if node.at_most is not None and len(elements) > node.at_most:
            raise InputError(
                f"there are {len(elements)} elements, and the flow promises `at most {node.at_most}`: nothing was asked"
            )
        return elements

    # Bodies

    def _admit(self, run: BlockRun) -> None:
        """Open as many bodies as the window and the reducer want."""
        run.admitting = False
        if run.over:
            return
        more = run.reducer.wanted(run.launched)
        if run.window is not None:
            more = min(more, run.window - len(run.open))
        node = run.step.node
        for index in range(run.launched, min(run.launched + more, run.total)):
            body = Frame(run.layout, run.frame, run, index)
            if run.elements is not None and isinstance(node, p.Map):
                body.given[node.element] = run.elements[index]
            run.open[index] = body
            run.launched += 1
            self.steps.open(body)

    def _branch_done(self, run: BlockRun, frame: Frame, step: p.Step, value: Json) -> None:
        run.reducer.add(run.layout.places[step.name], value)
        if run.reducer.decided and frame.left:
            self._conclude(run)

    def _body_done(self, run: BlockRun, frame: Frame, value: Json) -> None:
        if run.over:
            return
        del run.open[frame.index]
        self.events.append(e.ElementFinished(f"{path_of(run.frame, run.step)}[{frame.index}]"))
        if run.merge is not None:
            self._merge(run, 0, frame.index, value)
        else:
            run.reducer.add(frame.index, value)
        self._counted(run)

    def _body_failed(self, run: BlockRun, frame: Frame, failure: Failure) -> None:
        if run.over:
            return
        # What failed outside the block fails all of it: no element is to blame.
        inherited = any(known is failure for known in self.steps.failures)
        counted = isinstance(run.step.node, (p.Map, p.Repeat))
        if inherited or not counted or not (run.votes or run.errors in ("skip", "none")):
            self._give_up(run, failure)
            return
        self._drop(frame)
        del run.open[frame.index]
        run.last_loss = failure
        self.losses.append(failure)
        self.events.append(e.ElementLost(failure.path, failure.reason))
        if run.merge is not None:
            self._merge(run, 0, frame.index, SKIPPED)
        elif run.errors == "none" and not run.votes:
            run.reducer.add(frame.index, None)
        else:
            run.reducer.skip(frame.index)
        self._counted(run)

    def _counted(self, run: BlockRun) -> None:
        """One body fewer is out: end the block, or open the next."""
        run.finished += 1
        if run.over:
            return
        if run.merge is None and (run.finished == run.total or run.reducer.decided):
            self._conclude(run)
        elif not run.admitting and run.launched < run.total:
            run.admitting = True
            self.steps.work.append(partial(self._admit, run))

    # Ends

    def _drop(self, frame: Frame) -> None:
        """Take everything back that runs in a frame."""
        frame.over = True
        self.calls.cancel(frame.calls)
        for run in tuple(frame.runs):
            self._close(run)

    def _close(self, run: BlockRun) -> None:
        """The block has its value or will have none: what still runs in it is taken back."""
        run.over = True
        run.frame.runs.discard(run)
        self._drop_open(run)
        self.calls.cancel(run.calls)

    def _drop_open(self, run: BlockRun) -> None:
        for body in run.open.values():
            self._drop(body)
        run.open.clear()

    def _end(self, run: BlockRun, value: Json) -> None:
        self._close(run)
        self.steps.settle(run.frame, run.step, value)

    def _give_up(self, run: BlockRun, failure: Failure) -> None:
        self._close(run)
        self.steps.fail(run.frame, run.step, failure)

    # Reducing

    def _conclude(self, run: BlockRun) -> None:
        """All the results that count are there."""
        spared = (run.total - run.finished) * steps_once(run.layout.steps)
        if spared and isinstance(run.step.node, (p.Map, p.Repeat)):
            self.events.append(e.BlockClosed(path_of(run.frame, run.step), spared))
        self._drop_open(run)
        self._reduce(run)

    def _reduce(self, run: BlockRun) -> None:
        run.over = True
        path = path_of(run.frame, run.step)
        try:
            tally = run.reducer.tally()
            if tally is not None:
                self.tallies[path] = run.frame.tallies[run.step.name] = tally
                self.events.append(e.VoteCounted(path, tally.winner, tally.ballots, tally.planned, tally.discarded))
            value = run.reducer.value()
        except ReduceError as error:
            reason = str(error) + (f"; the last: {run.last_loss.reason}" if run.last_loss else "")
            self._give_up(run, Failure(path, reason, error))
            return
        reduce = run.reduce
        if reduce is None or reduce.ask is None:
            self._end(run, value)
        elif not value:
            self._reduce_nothing(run, reduce.ask.answer)
        elif isinstance(run.step.node, p.Fanout):
            self._ask(run, reduce, {**value, "results": list(value.values())}, partial(self._end, run))
        else:
            self._ask(run, reduce, {"results": value}, partial(self._end, run))

    def _reduce_nothing(self, run: BlockRun, answer: types.Type) -> None:
        if run.last_loss is not None:
            reason = f"every element failed; the last: {run.last_loss.reason}"
        elif answer == types.TEXT:
            self._end(run, "")
            return
        elif isinstance(answer, types.ListOf):
            self._end(run, [])
            return
        else:
            reason = f"there is nothing to combine, and nothing is no {types.show(answer)}"
        self._give_up(run, Failure(path_of(run.frame, run.step), reason, ReduceError(reason)))

    def _ask(self, run: BlockRun, reduce: p.Reduce, given: dict[str, Json], then: Callable[[Json], None]) -> None:
        """The reducer's own call, as soon as what it mentions outside the block is there."""
        ask = reduce.ask
        assert ask is not None
        path = f"{path_of(run.frame, run.step)}.reduce"

        def ready(failure: Failure | None) -> None:
            if run not in run.frame.runs:
                return
            if failure is not None:
                self._give_up(run, failure)
                return
            # Its calls are the run's own: they are taken back with it.
            inner = Frame(Layout((), None), run.frame, given=given, calls=run.calls)
            sample = sample_of(inner, f"{run.step.name}.reduce")
            try:
                options = Scope(self.context, inner).options(reduce.options)
                self.calls.launch(inner, ask, options, path, then, partial(self._give_up, run), sample=sample)
            except FlowrunError as error:
                self._give_up(run, Failure(path, str(error), error))

        self.steps.wait(run.frame, reduce.needs, ready)

    def _merge(self, run: BlockRun, level: int, index: int, value: Json) -> None:
        merge, reduce = run.merge, run.reduce
        assert merge is not None and reduce is not None and reduce.ask is not None
        for above, place, values in merge.take(level, index, value):
            self._ask(run, reduce, {"results": values}, partial(self._merge, run, above, place))
        if merge.done and not run.over:
            if merge.empty:
                self._reduce_nothing(run, reduce.ask.answer)
            else:
                self._end(run, merge.root)
