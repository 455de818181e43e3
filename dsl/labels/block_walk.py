"""The walk over blocks: their bodies, the results of these, and their reducers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Set
from dataclasses import replace
from math import inf

from .. import plan as p
from ..bounds.order import StepOrder
from ..catalog import Catalog, ReducerSpec
from .blocks import Results, keeps_all, reduced, tally, within, written_twice
from .expressions import Here, Scope
from .failing import endings
from .marks import (
    CONTROL,
    COUNT,
    JOINED,
    LENGTH_BITS,
    NOTHING,
    OWN,
    TIME,
    Closing,
    Mark,
    Reach,
    control,
    narrowed,
    union,
)
from .prompts import text_reach
from .requests import PlaceKey, Requests
from .shapes import shaped
from .turns import item_in_turn, place_in, turns_of
from .values import EMPTY, Value, any_item, either, led, listed

_Block = p.Fanout | p.Map | p.Repeat


class BlockWalk(Requests, ABC):
    """The part of the walk that reads blocks.

    ``spending`` has the marks of what can spend a budget before the current step has its calls. ``goes_on`` says that a
    block goes on without what has failed. ``shifting`` has the marks of what decides the numbers of elements in the
    current path.
    """

    def __init__(self, plan: p.Plan, catalog: Catalog) -> None:
        super().__init__(plan, catalog)
        self.reducers = catalog.reducers
        self.order = StepOrder()
        self.spending: Reach = NOTHING
        self.goes_on = False
        self.shifting: Reach = NOTHING

    @abstractmethod
    def step(self, step: p.Step, scope: Scope) -> Value:
        """Read a step, and return its value."""

    def body(self, steps: tuple[p.Step, ...], scope: Scope) -> None:
        """Read the steps of a body, and put their values into its scope."""
        for step in self.order.of(steps):
            scope.values[step.name] = self.step(step, scope)

    def _parts(self, steps: tuple[p.Step, ...], scope: Scope, *, apart: bool) -> dict[str, set[PlaceKey]]:
        """Read the steps of a body. Return the places of each step, if they are read ``apart``."""
        parts: dict[str, set[PlaceKey]] = {}
        if not apart:
            self.body(steps, scope)
            return parts
        for step in self.order.of(steps):
            self.touched.append(set())
            scope.values[step.name] = self.step(step, scope)
            parts[step.name] = self.touched.pop()
            self.touched[-1] |= parts[step.name]
        return parts

    def block(self, step: p.Step, node: _Block, scope: Scope) -> Value:
        before, presence = self.here, self.presence
        axis, inner = self.new_axis(), Scope(scope)
        length: Reach = NOTHING
        said: Reach = NOTHING
        most: float = inf
        shifting = self.shifting
        if isinstance(node, p.Map):
            length, most = self._elements(node, axis, scope, inner)
        elif isinstance(node, p.Repeat):
            most = node.most
            if node.over is not None and node.element is not None:
                source = self.value(node.over, scope)
                said, length = source.whole(), control(source.length)
                inner.values[node.element] = led(item_in_turn(source), node.element)
        self.presence = union(presence, length)
        self.touched.append(set())
        self.time.append(set())
        goes_on = self._goes_on(step, node.reduce)
        self.goes_on |= goes_on
        parts = self._parts(node.body.steps, inner, apart=goes_on)
        time, touched = self.time.pop(), self.touched.pop()
        self.here, self.presence, self.shifting = before, presence, shifting
        around = self.around.get(axis, {})
        if isinstance(node, p.Fanout):
            branches = {one.name: inner.value(one.name) for one in node.body.steps}
            made, named = listed(branches.values(), axis, self.single), branches
        else:
            made, named = Value(NOTHING, None, inner.value(node.body.result), axis, length, most), None
        places = [self.places[key] for key in touched]
        if goes_on:
            time |= self._ended(node, parts, axis)
        reached = union(self._reached(touched), self.spending)
        made, named = self._lost(step, node.reduce, made, named, reached)
        early = node.reduce.searches or _ends_early(step, node.reduce, self.reducers.get(node.reduce.rule))
        late: Reach = NOTHING
        if early or node.reduce.rule == "first":
            # A rule may end the block by what the results say, and also by which of them fail.
            late = self._late(step, node, Closing(axis, around).reach(reached), time | reached.keys(), scope)
            given = union(self.args(node.reduce.args, scope), self.args(step.options, scope))
            late = union(late, narrowed(given, LENGTH_BITS, COUNT | TIME))
        results = Results(made, axis, step.type, named, late, around)
        value = self._reduce(step, node, results, scope)
        if said and step.name in scope.tallies:
            # The tally of a panel has the short names of its items.
            scope.tallies[step.name] = union(scope.tallies[step.name], said)
        if early:
            time |= late.keys()
            for place in places if late else ():
                place.merge(NOTHING, late, NOTHING, frozenset())
        self.touched[-1] |= touched
        self.time[-1] |= time
        return value

    def _elements(self, node: p.Map, axis: str, scope: Scope, inner: Scope) -> tuple[Reach, float]:
        """Open the body of a map. Return the marks of what decides how often it runs, and its most elements."""
        before = self.here
        source = self.value(node.source, scope)
        inner.values[node.element] = led(source.each(axis), node.element)
        length, left_out = turns_of(source, axis), source.length
        if node.index is not None:
            # A place is a number: it tells how many elements stand before, and never what is in them.
            inner.values[node.index] = Value(place_in(source, length))
        self.here = Here(before.flow, before.step, before.line, (*before.maps, axis))
        if node.where is not None:
            chosen = control(self.reach(node.where, inner))
            length, left_out = union(length, chosen), union(left_out, chosen)
        moved = {key: mark._replace(axes=frozenset(), mix=JOINED) for key, mark in left_out.items()}
        self.shifting = union(self.shifting, narrowed(moved, LENGTH_BITS, COUNT))
        return length, min(source.most, node.at_most or inf)

    def _late(self, step: p.Step, node: _Block, reached: Reach, time: set[str], scope: Scope) -> Reach:
        """Return the marks of what decides the order in which the results of a block arrive."""
        waited = [need for inner in p.walk_steps(node.body.steps) for need in inner.needs]
        outside = {source for need in (*step.needs, *waited) for source in scope.time(need)}
        maps = {*self.here.maps}
        late: dict[str, Mark] = {}
        for source in time:
            mark = reached.get(source)
            own = mark.axes & maps if mark is not None and source not in outside and mark.mix == OWN else frozenset()
            late[source] = Mark(own, OWN if own else JOINED, LENGTH_BITS, channels=COUNT | TIME)
        return late

    def _reached(self, touched: set[PlaceKey]) -> Reach:
        """Return all marks of some places."""
        places = [self.places[key] for key in touched]
        return union(*(reach for place in places for reach in (place.request, place.presence, place.value)))

    def _goes_on(self, step: p.Step, reduce: p.Reduce) -> bool:
        """Return True if a block goes on without a body that has failed."""
        spec = self.reducers.get(reduce.rule) if reduce.form == "rule" else None
        return _policy(step) in ("skip", "none") or (spec is not None and spec.spares)

    def _ended(self, node: _Block, parts: dict[str, set[PlaceKey]], axis: str) -> Set[str]:
        """Keep what can end a body of a block that goes on without it, and return the sources of these marks.

        The steps of a body that fails send no further requests. Each branch of a fan-out is a body of its own.
        """
        own = {*self.here.maps, axis}
        reaches = {name: self._reached(keys) for name, keys in parts.items()}
        leaves = {step.name for step in node.body.steps if self._fails_late(step)}
        if isinstance(node, p.Fanout):
            ended = {name: endings({name: reach}, {}, leaves).get(name, NOTHING) for name, reach in reaches.items()}
        else:
            ended = dict(endings(reaches, self.order.before(node.body.steps), leaves))
        for name, keys in parts.items():
            reach = union(ended.get(name, NOTHING), self.spending)
            failing = {source: within(mark, own) for source, mark in control(reach).items()}
            for key in keys if failing else ():
                self.places[key].end(failing)
        return {source for reach in (*reaches.values(), self.spending) for source in reach}

    def _fails_late(self, step: p.Step) -> bool:
        """Return True if a step has sent all of its requests when it fails."""
        node = step.node
        if not isinstance(node, p.Fanout | p.Map | p.Repeat):
            return not isinstance(node, p.Chain | p.FlowCall | p.Match | p.Rounds | p.Cascade)
        # The asks of a fold or a tree are sent, and can fail, while bodies run. So can the share of lost elements.
        waits = node.reduce.form not in ("fold", "tree") and not isinstance(step.options.get("errors"), p.RuleOf)
        return waits and self._goes_on(step, node.reduce)

    def _lost(
        self, step: p.Step, reduce: p.Reduce, results: Value, branches: dict[str, Value] | None, reached: Reach
    ) -> tuple[Value, dict[str, Value] | None]:
        """Return the results of a block that may lose some of them, as its option `errors` or its reducer says.

        Any step of a body can fail, whether the body's value mentions it or not.
        """
        word = _policy(step)
        if not self._goes_on(step, reduce):
            return results, branches
        own = {*self.here.maps, results.axis}
        failing = {source: within(mark, own) for source, mark in control(reached).items()}
        spec = self.reducers.get(reduce.rule) if reduce.form == "rule" else None
        if word == "none" and reduce.form in ("fold", "tree"):
            # Their asks pass over a missing result.
            return replace(results, length=union(results.length, failing)), branches
        if (word == "none" or (spec is not None and spec.spares)) and results.item is not None:
            results = replace(results, item=results.item.with_reach(failing))
            branches = {name: one.with_reach(failing) for name, one in branches.items()} if branches else branches
        if word != "skip":
            return results, branches
        if isinstance(step.options.get("errors"), p.RuleOf):
            self.keep("block", NOTHING, EMPTY, failing.keys())
            self.places[self.here.flow, self.here.step, "block"].tolerance |= failing.keys()
        return replace(results, length=union(results.length, failing)), branches

    # Reducers

    def _reduce(self, step: p.Step, node: _Block, results: Results, scope: Scope) -> Value:
        reduce = node.reduce
        inner = Scope(scope, {**(results.branches or {}), "results": results.list})
        match reduce.form:
            case "rule":
                return self._rule(step, node, results, scope)
            case "extern":
                assert reduce.extern is not None
                given = {name: self.value(arg, scope) for name, arg in reduce.args.items()}
                return self.extern(reduce.extern, {**given, "results": results.list}, self.plan.externs[reduce.extern])
            case "fold":
                first = [self.value(arg, scope) for arg in reduce.args.values()]
                item = any_item(results.list)
                inner.values["next"] = item
                inner.values["so_far"] = either(item, first[0]) if first else item
        assert reduce.ask is not None
        # The number of results and the fan-in decide how many asks there are, and which results each of them reads.
        grouped = union(results.number(), self.reach(reduce.count, scope))
        if isinstance(reduce.count, p.RuleOf):
            # The lengths of the texts decide which of them fit into one request.
            grouped = union(grouped, narrowed(results.list.whole(), LENGTH_BITS, COUNT))
        value = self.ask(reduce.ask, "reducer", reduce.options, inner, grouped)
        # A single result needs no ask.
        return either(value, any_item(results.list)) if reduce.form in ("fold", "tree") else value

    def _rule(self, step: p.Step, node: _Block, results: Results, scope: Scope) -> Value:
        reduce = node.reduce
        spec = self.reducers.get(reduce.rule)
        given = self.args(reduce.args, scope)
        if spec is not None and spec.votes:
            for source, mark in written_twice(results).items():
                self.warn("ballots", source, node.kind, mark)
            scope.tallies[step.name] = tally(results)
        value = reduced(reduce.rule, spec, results, given, cut="top" in reduce.args)
        if reduce.passing is not None:
            judged = self.passing(reduce.passing, Scope(scope, {p.RESULT: results.any()}))
            value = value.with_reach(control(union(judged, results.list.whole(), given)))
        if reduce.deciding is None:
            return value
        request = self._decision(reduce, reduce.deciding, results, scope, given)
        if spec is not None and spec.votes:
            return either(value, shaped(step.type, request))
        order = narrowed(request, LENGTH_BITS, CONTROL)
        return replace(value, order=union(value.order, order)) if value.item is not None else value.with_reach(order)

    def _decision(self, reduce: p.Reduce, ask: p.Ask, results: Results, scope: Scope, given: Reach) -> Reach:
        """Read the ask of a judge or of a tie, and return the marks of its request.

        The candidates stand in its prompt. All other words of the prompt are the author's instructions. The candidates
        also decide whether there is such a request, and which answers it may get. So do the arguments of the rule. The
        order of the candidates follows from the path of the block, and an element that is left out moves the others.
        """
        names = [p.RESULT, "results", *(results.branches or {})]
        blind = self.seen(ask, Scope(scope, dict.fromkeys(names, EMPTY)))
        for message in ask.messages:
            if message.role != "system":
                self.refuse("judge", text_reach(message.template, blind.value), reduce.rule, f"{reduce.rule}.judge")
        seen = {p.RESULT: results.any()} if reduce.searches else {"results": results.list}
        inner = Scope(scope, {**(results.branches or {}), **seen})
        return self.ask(ask, "judge", reduce.options, inner, union(results.list.whole(), given, self.shifting)).whole()


def _ends_early(step: p.Step, reduce: p.Reduce, spec: ReducerSpec | None) -> bool:
    """Return True if a block may end before all its bodies have run."""
    early = reduce.form == "rule" and not keeps_all(reduce.rule, spec)
    return early and step.options.get("launch") != p.Constant("together")


def _policy(step: p.Step) -> object:
    """Return the word of the option `errors` of a block."""
    policy = step.options.get("errors")
    return policy.value if isinstance(policy, p.Constant) else policy.rule if isinstance(policy, p.RuleOf) else ""
