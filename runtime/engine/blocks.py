"""The life of a block: it opens a frame for each body, gives results to the reducer as they come, and ends the block
as soon as the reducer has enough.

A call of a flow runs like a chain, but its frame does not see the names around the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any
from zlib import crc32

from flowrun.dsl import plan as p
from flowrun.dsl import rule_of

from ..costs.budget import Ledger
from ..reducers import REDUCERS, Reducer, Setting
from ..values.expressions import evaluate
from ..values.functions import kind_of
from ..vocabulary import events as e
from ..vocabulary.errors import FlowrunError, InputError
from .block_settings import arguments_of, combining_of, item_of, policy_of
from .combining import SKIPPED
from .decisions import Failure
from .frames import Around, BlockRun, Frame, Layout, Spare
from .losses import Losses
from .pipelines import Pipelines, intake_of
from .reduction import Ends
from .scopes import Context, Defaults, Scope, path_of, steps_once
from .steps import Steps
from .streaming import Handing
from .streams import Feed, label
from .timers import Timers

Json = Any

SAMPLES_AT_ONCE = 1024
"""The window of a repeat where the flow sets none: at least this many of its bodies may be open at once."""
FLOWS_AT_ONCE = 100_000
"""The most calls of flows that may be open at once. Flows that call flows can double their number at every level."""


class Blocks:
    """The runner of blocks. ``window`` is the number of bodies that a map may have open at once where the flow sets
    none."""

    def __init__(
        self,
        context: Context,
        steps: Steps,
        ends: Ends,
        timers: Timers,
        events: list[e.Event],
        window: int,
        plan: p.Plan,
    ) -> None:
        self.context = context
        self.ends = ends
        self.timers = timers
        self.steps = steps
        self.events = events
        self.window = window
        self.losses = Losses(ends, events)
        self.handed: p.Step | None = None
        self.hand_on: Callable[[Json], None]
        self.flows = plan.flows
        self.pipelines = Pipelines(context, steps, ends, events, plan, self)
        self._defaults = Defaults(context)
        self._layouts: dict[int, Layout] = {}
        self._serial = 0

    def begin(self, frame: Frame, step: p.Step) -> None:
        """Begin a block or a call of a flow. Raises FlowrunError if it cannot begin."""
        scope = Scope(self.context, frame)
        options = scope.options(step.options)
        node = step.node
        feed = None
        match node:
            case p.Map():
                feed = self.pipelines.source(frame, step)
                run = self._map(frame, step, node, feed, scope, options)
            case p.Repeat():
                run = self._run(frame, step, node.reduce, node.least, node.most, options)
                if run.window is None:
                    run.window = max(SAMPLES_AT_ONCE, self.window)
                    run.refill = run.window // 2
            case p.Fanout():
                names = tuple(branch.name for branch in node.body.steps)
                options["launch"] = "together"
                run = self._run(frame, step, node.reduce, len(names), len(names), options, names)
                run.on_step = partial(self._branch_done, run)
                run.on_done = lambda _frame, _value: None if run.merge else self.ends.conclude(run)
            case p.FlowCall():
                self._begin_flow(frame, step, node, scope, options)
                return
            case _:
                run = self._run(frame, step, None, 1, 1, options)
                run.on_done = lambda _frame, value: self.ends.end(run, value)
        frame.runs[run] = None
        self.pipelines.open(run)
        if isinstance(node, (p.Map, p.Repeat)):
            self.events.append(e.BlockOpened(run.around.path, run.total, run.layout.once))
            self.steps.work.append(partial(self.ends.reduce if run.whole and not run.total else self._admit, run))
            if feed is not None:
                self.pipelines.take(run, feed)
        else:
            run.open[0] = run.body = Frame(run.layout, frame, run)
            self.steps.open(run.body)

    def _map(
        self, frame: Frame, step: p.Step, node: p.Map, feed: Feed | None, scope: Scope, options: dict[str, Json]
    ) -> BlockRun:
        if feed is None:
            elements = self._elements(frame, node, scope)
            run = self._run(frame, step, node.reduce, len(elements), len(elements), options)
            run.elements = elements
        else:
            intake = intake_of(node, feed)
            total = feed.bound if intake.ranks is None else None
            run = self._run(frame, step, node.reduce, total, total, options)
            run.intake, run.whole = intake, total is not None
        run.window = run.window or self.window
        return run

    def _begin_flow(self, frame: Frame, step: p.Step, node: p.FlowCall, scope: Scope, options: dict[str, Json]) -> None:
        if self.ends.flows_open >= FLOWS_AT_ONCE:
            raise InputError(f"more than {FLOWS_AT_ONCE:,} calls of flows would be open at once here")
        flow = self.flows[node.flow]
        given = self._defaults.filled(node.flow, flow.params, scope.options(node.args))
        run = self._run(frame, step, None, 1, 1, options)
        run.on_done = lambda inner, _value: self._returned(run, inner, flow.result)
        frame.runs[run] = None
        self.ends.flows_open += 1
        self.events.append(e.BlockOpened(run.around.path, 1, run.layout.once))
        if flow.calls_limit is not None or flow.money_limit is not None:
            path = run.around.path
            ledger = Ledger(node.flow, flow.calls_limit, flow.money_limit, *self.context.spent_within(path))
            run.around = Around.of(run, path, ledger)
        run.open[0] = inner = Frame(run.layout, None, run, given=given)
        self.steps.open(inner)

    def _returned(self, run: BlockRun, frame: Frame, result: p.Expr) -> None:
        """Take the value of a called flow, all of whose steps are finished, and end its run with that."""
        self.steps.reads.attempt(run, partial(self._returned_ready, run, frame, result))

    def _returned_ready(self, run: BlockRun, frame: Frame, result: p.Expr) -> None:
        try:
            value = evaluate(result, Scope(self.context, frame))
        except FlowrunError as error:
            self.ends.give_up(run, Failure(run.around.path, str(error), error))
        else:
            self.ends.end(run, value)

    def _layout(self, step: p.Step) -> Layout:
        """Return the layout of the step's block or called flow. All its frames share that layout."""
        node = step.node
        home = self.flows[node.flow] if isinstance(node, p.FlowCall) else step.block
        assert home is not None
        layout = self._layouts.get(id(home))
        if layout is None:
            # The branches of a fan-out are equals: none of them is its last line.
            result = home.result if isinstance(home, p.Block) and not isinstance(node, p.Fanout) else None
            layout = self._layouts[id(home)] = Layout(home.steps, result, steps_once(home.steps))
        return layout

    def _run(
        self,
        frame: Frame,
        step: p.Step,
        reduce: p.Reduce | None,
        least: int | None,
        most: int | None,
        options: dict[str, Json],
        names: tuple[str, ...] = (),
    ) -> BlockRun:
        """Make the run of a block that will have ``least`` to ``most`` results; None if that is not known yet."""
        layout = self._layout(step)
        path = path_of(frame, step)
        scope = Scope(self.context, frame)
        name = rule_of(reduce)
        rule = REDUCERS[name or "collect"]
        args = arguments_of(reduce, rule.spec, scope) if reduce is not None and name is not None else {}
        setting = Setting(
            least or 0,
            most or 0,
            names,
            args,
            str(options.get("launch", "cost")),
            item_of(step),
            reduce is not None and reduce.tallied,
            reduce is not None and reduce.deciding is not None,
            crc32(path.encode()) if reduce is not None and reduce.deciding is not None else 0,
        )
        merge = combining_of(reduce, most, scope) if reduce is not None and reduce.ask is not None else None
        self._serial += 1
        reducer: Reducer = rule.make(setting)
        if step is self.handed and reduce is not None:
            reducer = Handing(setting, self.hand_on, flat=reduce.rule == "flatten")
        run = BlockRun(self._serial, step, frame, layout, reducer, most or 0, reduce=reduce, merge=merge)
        run.launch = setting.launch
        run.window = options.get("concurrency")
        if run.window is not None and run.window < 1:
            raise InputError(f"`concurrency` is 1 or more, and this is {run.window}")
        run.votes, run.spares = rule.spec.votes, rule.spec.spares
        run.around = Around.of(run, path)
        run.errors, run.spare = policy_of(options.get("errors", "fail"), most or 0)
        run.on_done = partial(self._body_done, run)
        run.on_failure = partial(self._body_failed, run)
        timeout = options.get("timeout")
        if timeout is not None:
            run.timer = self.timers.start(float(timeout), partial(self._timed_out, run, float(timeout)))
        return run

    def _timed_out(self, run: BlockRun, seconds: float) -> None:
        path = run.around.path
        done = f"; {run.finished} of {run.total} were done" if isinstance(run.step.node, (p.Map, p.Repeat)) else ""
        self.ends.give_up(run, Failure(path, f"it was not done within {seconds:g} s{done}"))

    def _elements(self, frame: Frame, node: p.Map, scope: Scope) -> Sequence[Json]:
        once = self.steps.reads.once
        source = once("source", lambda: evaluate(node.source, scope))
        if not isinstance(source, Sequence) or isinstance(source, str):
            raise InputError(f"a map goes through a list, and this is {kind_of(source)}")
        elements: Sequence[Json] = source
        if node.where is not None:
            elements = []
            for place, element in enumerate(source):
                inner = Scope(self.context, Frame(Layout((), None), frame, given={node.element: element}))
                if once(place, partial(evaluate, node.where, inner)):
                    elements.append(element)
        if node.at_most is not None and len(elements) > node.at_most:
            raise InputError(
                f"there are {len(elements)} elements, and the flow promises `at most {node.at_most}`: nothing was asked"
            )
        return elements

    # Bodies

    def _admit(self, run: BlockRun) -> None:
        """Open as many bodies as the reducer wants and the window allows."""
        run.admitting = False
        if run.over:
            return
        more = run.reducer.wanted(run.launched) if run.intake is None else len(run.intake.ready)
        if run.window is not None:
            more = min(more, run.window - len(run.open))
        if run.refill is not None and len(run.open) > run.refill:
            return
        if not more and not run.open and run.intake is None:
            self.ends.conclude(run)
            return
        for _ in range(more if run.intake is not None else min(more, run.total - run.launched)):
            try:
                body = self._next(run)
            except FlowrunError as error:
                self.ends.give_up(run, Failure(run.around.path, str(error), error))
                return
            run.open[body.index] = body
            run.launched += 1
            self.steps.open(body)

    def _next(self, run: BlockRun) -> Frame:
        """Make the frame of the next body."""
        body = Frame(run.layout, run.frame, run, run.launched)
        node, intake = run.step.node, run.intake
        if not isinstance(node, p.Map):
            return body
        if intake is not None:
            body.index, body.given[node.element] = intake.ready.popleft()
            if intake.ranks is not None:
                body.label = label(intake.keys[body.index])
        elif run.elements is not None:
            body.given[node.element] = run.elements[run.launched]
        return body

    def _branch_done(self, run: BlockRun, frame: Frame, step: p.Step, value: Json) -> None:
        place = run.layout.places[step.name]
        if run.merge is not None:
            self.ends.merge(run, 0, place, value)
            return
        run.reducer.add(place, value)
        self.pipelines.made(run, place, value)
        if run.reducer.decided and frame.left:
            self.ends.conclude(run)

    def _body_done(self, run: BlockRun, frame: Frame, value: Json) -> None:
        if run.over:
            return
        del run.open[frame.index]
        self.events.append(e.ElementFinished(f"{run.around.path}[{frame.place}]"))
        self.pipelines.made(run, frame.index, value)
        self._give(run, frame.index, value)
        self._counted(run)

    def _give(self, run: BlockRun, number: int, value: Json) -> None:
        """Give the result of an element to the merge or the reducer. SKIPPED is no result, a failure a lost ballot."""
        for place, result in self.pipelines.given(run, number, value):
            if run.merge is not None:
                self.ends.merge(run, 0, place, result)
            elif isinstance(result, Failure):
                run.reducer.lose(place, sent=result.sent)
            elif result is SKIPPED:
                run.reducer.skip(place)
            else:
                run.reducer.add(place, result)

    def _body_failed(self, run: BlockRun, frame: Frame, failure: Failure) -> None:
        if run.over:
            return
        # A failure from outside the block fails the whole block: no element is to blame.
        inherited = any(known is failure for known in self.steps.failures)
        counted = isinstance(run.step.node, (p.Map, p.Repeat))
        if not inherited and run.spares and not counted:
            self._branch_lost(run, frame, failure)
            return
        if inherited or not counted or not (run.spares or run.errors in ("skip", "none")):
            self.ends.give_up(run, failure)
            return
        self.ends.drop(frame, keep=True)
        del run.open[frame.index]
        self.losses.enter(run, failure)
        if run.whole and self.losses.too_many(run):
            return
        empty = run.errors == "none" and not run.spares
        self.pipelines.made(run, frame.index, None if empty else SKIPPED)
        missing = run.votes and not failure.abstains
        self._give(run, frame.index, failure if missing else None if empty and run.merge is None else SKIPPED)
        self._counted(run)

    # Elements that come one by one

    def more(self, run: BlockRun) -> None:
        if not run.admitting:
            run.admitting = True
            self.steps.work.append(partial(self._admit, run))

    def ranked(self, run: BlockRun, numbers: Iterable[int]) -> None:
        intake = run.intake
        for number in numbers:
            if intake is not None and number in intake.held:
                self._give(run, number, intake.held.pop(number))

    def closed(self, run: BlockRun) -> None:
        if run.spare is not None:
            run.spare = Spare.of(run.spare.share, run.total)
        if self.losses.too_many(run):
            return
        if run.intake is not None and run.intake.ranks is not None:
            self.ranked(run, run.intake.ranks.passed(None))
        if run.merge is not None:
            self.ends.merge_more(run, run.merge.close(run.total))
        if not run.total:
            self.ends.reduce(run)
        elif run.merge is None and run.finished == run.total:
            self.ends.conclude(run)

    def _branch_lost(self, run: BlockRun, frame: Frame, failure: Failure) -> None:
        """Go on without a lost branch: the other branches may still win, or be counted."""
        self.losses.enter(run, failure)
        self._give(run, run.layout.places[next(reversed(frame.failed))], SKIPPED if failure.abstains else failure)
        if not frame.left or run.reducer.decided:
            self.ends.conclude(run)

    def _counted(self, run: BlockRun) -> None:
        """Count a body as finished. Then end the block, or open the next body."""
        run.finished += 1
        if run.over:
            return
        if run.merge is None and run.whole and (run.finished == run.total or run.reducer.decided):
            self.ends.conclude(run)
        elif run.intake.ready if run.intake is not None else run.launched < run.total:
            self.more(run)
