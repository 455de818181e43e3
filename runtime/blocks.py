"""The life of a block: it opens a frame for each body, feeds the reducer as results come, and sees when that is enough.

A call of a flow lives as a chain does; its frame sees nothing of what is around the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from math import floor
from typing import Any
from zlib import crc32

from flowrun.dsl import plan as p
from flowrun.dsl import types

from . import events as e
from .budget import Ledger
from .combining import SKIPPED, Combining, Fold, Merge, TokenMerge
from .decisions import Failure
from .ends import Ends
from .errors import FlowrunError, InputError
from .frames import BlockRun, Frame, Layout, Spare
from .functions import kind_of
from .prompts import shown
from .reducers import REDUCERS, Setting
from .rules import RuleValue
from .scopes import Context, Defaults, Scope, path_of, steps_once
from .steps import Steps
from .timers import Timers
from .tokens import estimate
from .values import evaluate

Json = Any

SAMPLES_AT_ONCE = 1024
"""How many bodies of a repeat may be open at once where the flow does not say, at the least."""
FLOWS_AT_ONCE = 100_000
"""How many calls of flows may be open at once: flows that call flows double at every level."""


class Blocks:
    """Runs blocks. ``window`` is how many bodies of a map may be open at once where the flow does not say.

    ``losses`` are the elements and samples that blocks did without.
    """

    def __init__(
        self,
        context: Context,
        steps: Steps,
        ends: Ends,
        timers: Timers,
        events: list[e.Event],
        window: int,
        flows: Mapping[str, p.Flow],
    ) -> None:
        self.context = context
        self.ends = ends
        self.timers = timers
        self.steps = steps
        self.events = events
        self.window = window
        self.losses: list[Failure] = []
        self.flows = flows
        self._defaults = Defaults(context)
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
        if isinstance(node, (p.Map, p.Repeat)):
            self.events.append(e.BlockOpened(path_of(frame, step), run.total, run.layout.once))
            self.steps.work.append(partial(self._admit if run.total else self.ends.reduce, run))
        else:
            run.open[0] = body = Frame(run.layout, frame, run)
            self.steps.open(body)

    def _begin_flow(self, frame: Frame, step: p.Step, node: p.FlowCall, scope: Scope, options: dict[str, Json]) -> None:
        if self.ends.flows_open >= FLOWS_AT_ONCE:
            raise InputError(f"more than {FLOWS_AT_ONCE:,} calls of flows would be open at once here")
        flow = self.flows[node.flow]
        given = self._defaults.filled(node.flow, flow.params, scope.options(node.args))
        run = self._run(frame, step, None, 1, 1, options)
        run.on_done = lambda inner, _value: self._returned(run, inner, flow.result)
        frame.runs[run] = None
        self.ends.flows_open += 1
        self.events.append(e.BlockOpened(path_of(frame, step), 1, run.layout.once))
        ledger = None
        if flow.calls_limit is not None or flow.money_limit is not None:
            ledger = Ledger(node.flow, flow.calls_limit, flow.money_limit)
        run.open[0] = inner = Frame(run.layout, None, run, given=given, ledger=ledger)
        self.steps.open(inner)

    def _returned(self, run: BlockRun, frame: Frame, result: p.Expr) -> None:
        """All steps of a called flow are finished."""
        try:
            value = evaluate(result, Scope(self.context, frame))
        except FlowrunError as error:
            self.ends.give_up(run, Failure(path_of(run.frame, run.step), str(error), error))
        else:
            self.ends.end(run, value)

    def _layout(self, step: p.Step) -> Layout:
        """One for all frames of a block or flow."""
        node = step.node
        home = self.flows[node.flow] if isinstance(node, p.FlowCall) else step.block
        assert home is not None
        layout = self._layouts.get(id(home))
        if layout is None:
            result = home.result if isinstance(home, p.Block) else None
            layout = self._layouts[id(home)] = Layout(home.steps, result, steps_once(home.steps))
        return layout

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
        layout = self._layout(step)
        scope = Scope(self.context, frame)
        own = reduce is not None and reduce.ask is None and reduce.extern is None
        rule = REDUCERS[reduce.rule if reduce is not None and own else "collect"]
        args = scope.options(reduce.args) if reduce is not None and own else {}
        setting = Setting(
            least,
            most,
            names,
            args,
            str(options.get("launch", "cost")),
            _item(step),
            reduce is not None and reduce.tallied,
            reduce is not None and reduce.deciding is not None,
            crc32(path_of(frame, step).encode()) if reduce is not None and reduce.deciding is not None else 0,
        )
        merge = _combining(reduce, most, scope) if reduce is not None and reduce.ask is not None else None
        self._serial += 1
        run = BlockRun(self._serial, step, frame, layout, rule.make(setting), most, reduce=reduce, merge=merge)
        run.launch = setting.launch
        run.window = options.get("concurrency")
        if run.window is not None and run.window < 1:
            raise InputError(f"`concurrency` is 1 or more, and this is {run.window}")
        run.votes, run.spares = rule.spec.votes, rule.spec.spares
        run.errors, run.spare = _policy(options.get("errors", "fail"), most)
        run.on_done = partial(self._body_done, run)
        run.on_failure = partial(self._body_failed, run)
        timeout = options.get("timeout")
        if timeout is not None:
            run.timer = self.timers.start(float(timeout), partial(self._timed_out, run, float(timeout)))
        return run

    def _timed_out(self, run: BlockRun, seconds: float) -> None:
        path = path_of(run.frame, run.step)
        done = f"; {run.finished} of {run.total} were done" if isinstance(run.step.node, (p.Map, p.Repeat)) else ""
        self.ends.give_up(run, Failure(path, f"it was not done within {seconds:g} s{done}"))

    def _elements(self, frame: Frame, node: p.Map, scope: Scope) -> list[Json]:
        source = evaluate(node.source, scope)
        if not isinstance(source, list):
            raise InputError(f"a map goes through a list, and this is {kind_of(source)}")
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
        if run.refill is not None and len(run.open) > run.refill:
            return
        node = run.step.node
        for index in range(run.launched, min(run.launched + more, run.total)):
            body = Frame(run.layout, run.frame, run, index)
            if run.elements is not None and isinstance(node, p.Map):
                body.given[node.element] = run.elements[index]
            run.open[index] = body
            run.launched += 1
            self.steps.open(body)

    def _branch_done(self, run: BlockRun, frame: Frame, step: p.Step, value: Json) -> None:
        place = run.layout.places[step.name]
        if run.merge is not None:
            self.ends.merge(run, 0, place, value)
            return
        run.reducer.add(place, value)
        if run.reducer.decided and frame.left:
            self.ends.conclude(run)

    def _body_done(self, run: BlockRun, frame: Frame, value: Json) -> None:
        if run.over:
            return
        del run.open[frame.index]
        self.events.append(e.ElementFinished(f"{path_of(run.frame, run.step)}[{frame.index}]"))
        if run.merge is not None:
            self.ends.merge(run, 0, frame.index, value)
        else:
            run.reducer.add(frame.index, value)
        self._counted(run)

    def _body_failed(self, run: BlockRun, frame: Frame, failure: Failure) -> None:
        if run.over:
            return
        # What failed outside the block fails all of it: no element is to blame.
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
        run.last_loss = failure
        run.lost += 1
        self.losses.append(replace(failure, ballot=run.votes))
        self.events.append(e.ElementLost(failure.path, failure.reason))
        if run.spare is not None and run.lost > run.spare.most:
            reason = (
                f"{run.lost} of {run.total} elements failed, and `skip({run.spare.share * 100:g}%)` allows "
                f"{run.spare.most}; the last: {failure.reason}"
            )
            self.ends.give_up(run, Failure(path_of(run.frame, run.step), reason, failure.error))
            return
        if run.merge is not None:
            self.ends.merge(run, 0, frame.index, SKIPPED)
        elif run.errors == "none" and not run.spares:
            run.reducer.add(frame.index, None)
        else:
            run.reducer.skip(frame.index)
        self._counted(run)

    def _branch_lost(self, run: BlockRun, frame: Frame, failure: Failure) -> None:
        """The others may still win, or be counted."""
        run.last_loss = failure
        run.lost += 1
        self.losses.append(replace(failure, ballot=run.votes))
        self.events.append(e.ElementLost(failure.path, failure.reason))
        run.reducer.skip(run.layout.places[next(reversed(frame.failed))])
        if not frame.left or run.reducer.decided:
            self.ends.conclude(run)

    def _counted(self, run: BlockRun) -> None:
        """One body fewer is out: end the block, or open the next."""
        run.finished += 1
        if run.over:
            return
        if run.merge is None and (run.finished == run.total or run.reducer.decided):
            self.ends.conclude(run)
        elif not run.admitting and run.launched < run.total:
            run.admitting = True
            self.steps.work.append(partial(self._admit, run))


def _item(step: p.Step) -> types.Type:
    """The type of one result of a block."""
    block = step.block
    if block is None or not block.steps:
        return types.UNKNOWN
    if isinstance(step.node, p.Fanout):
        return types.join(branch.type for branch in block.steps)
    return next(one.type for one in block.steps if one.name == block.result)


def _combining(reduce: p.Reduce, most: int, scope: Scope) -> Combining | None:
    """What asks about many results in more than one call; None for one call about all."""
    if reduce.rule == "fold":
        return Fold(most, evaluate(reduce.args["from"], scope)) if "from" in reduce.args else Fold(most)
    if reduce.count is None:
        return None
    fan_in = evaluate(reduce.count, scope)
    if isinstance(fan_in, RuleValue):
        size = fan_in.args.get("size")
        if not isinstance(size, int) or size < 1:
            raise InputError(f"`by tokens(n)` takes a whole number from 1, and this is {size!r}")
        return TokenMerge(most, size, _tokens)
    if not isinstance(fan_in, int) or fan_in < 2:
        raise InputError(f"a tree merges two or more at a time, and this is {fan_in!r}")
    return Merge(most, fan_in)


def _tokens(value: Json) -> int:
    """About how many tokens a value has in a prompt."""
    return estimate(shown(value))


def _policy(errors: Json, total: int) -> tuple[str, Spare | None]:
    """What becomes of a failed element, and how many may fail where only a share of them may."""
    if not isinstance(errors, RuleValue):
        return str(errors), None
    share = errors.args.get("share")
    if errors.rule != "skip" or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise InputError(f"`errors: skip(share)` takes a share from 0% to 100%, and this is {share!r}")
    # 29% of 100 is 29, and as a binary fraction a little less.
    return errors.rule, Spare(share, floor(total * share + 1e-9))
