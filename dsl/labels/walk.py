"""The walk over a plan: the marks of each step, in the order in which steps wait for each other."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Set
from dataclasses import replace
from functools import reduce
from math import log2

from .. import plan as p
from ..catalog import Catalog
from .expressions import Here, Scope
from .marks import CONTROL, COUNT, JOINED, LENGTH_BITS, NOTHING, TIME, Mark, Reach, control, narrowed, union
from .places import PlaceKind
from .requests import PlaceKey
from .round_walk import RoundWalk
from .shapes import bounded
from .values import EMPTY, Value, either, led, mapped, widened

_ASKS = ("ask", "reducer", "judge")
_KINDS: dict[str, PlaceKind] = {"ask": "ask", "extern": "extern", "flow": "flow", "value": "value"}


MOST_READINGS = 32
"""The most readings of one called flow whose arguments keep the elements of their sources apart."""


class Walk(RoundWalk):
    """The walk over one plan. It fills in ``sources``, ``places``, ``breaches`` and ``warnings``.

    ``spent`` has the marks of what can spend the budgets of the flows ``scarce``.
    """

    def __init__(self, plan: p.Plan, catalog: Catalog, scarce: Set[str] = frozenset(), spent: Reach = NOTHING) -> None:
        super().__init__(plan, catalog)
        self.scarce, self.spent = scarce, spent
        self._readings: dict[str, int] = {}
        self._done: dict[Hashable, tuple[Value, set[PlaceKey], set[str]]] = {}

    def run(self) -> None:
        values = self._params(self.plan.params, {}, "")
        self._flow_body("", self.plan, values)
        # A request waits for its turn behind all others, so each of them can make it slow.
        asking = {source for place in self.places.values() if place.kind in _ASKS for source in place.request}
        slow = {source: Mark(mix=JOINED, bits=LENGTH_BITS, channels=COUNT | TIME) for source in asking}
        for key in self.hedged if slow else ():
            self.places[key].merge(NOTHING, slow, NOTHING, frozenset())

    def _params(self, params: tuple[p.Param, ...], given: Mapping[str, Value], name: str) -> dict[str, Value]:
        """Return the values of the parameters of a flow. A parameter may be a source or a trusted place."""
        values: dict[str, Value] = {}
        for param in params:
            value = given.get(param.name, EMPTY)
            if param.name not in given and param.default is not None:
                value = self.value(param.default, Scope())
            if param.label == "trusted":
                place = f"{name}.{param.name}" if name else param.name
                self.refuse("parameter", value.whole(), param.name, place, name)
                # The breach is told here, and not again at each place behind it.
                value = mapped(value, lambda mark: mark._replace(free=False))
            values[param.name] = value
        return values

    def _flow_body(self, key: str, flow: p.Flow | p.Plan, values: dict[str, Value]) -> Value:
        """Read a flow with the values of its parameters, and return its result."""
        before, spending = self.here, self.spending
        self.here = Here(key, "", before.line, before.maps)
        if key in self.scarce:
            self.spending = self.spent
        for param in flow.params:
            known = values[param.name]
            if param.label == "untrusted" and not any(mark.free for mark in known.whole().values()):
                values[param.name] = either(self.source("parameter", param.name, param.type), known)
        scope = Scope(None, values)
        self.body(flow.steps, scope)
        result = self.value(flow.result, scope)
        self.keep("result", NOTHING, result)
        self.here, self.spending = before, spending
        return result

    # Steps

    def step(self, step: p.Step, scope: Scope) -> Value:
        before, presence = self.here, self.presence
        self.here = Here(before.flow, step.name, step.line, before.maps)
        self.time.append({source for need in step.needs for source in scope.time(need)})
        decided: Reach = NOTHING
        if step.when is not None:
            decided = control(self.reach(step.when, scope))
            self.presence = union(presence, decided)
        value = self._node(step, scope)
        if step.when is not None:
            other = self.value(step.otherwise, scope) if step.otherwise is not None else EMPTY
            value = either(value, other).with_reach(decided)
        value = led(bounded(value, step.type), "" if step.name.startswith("#") else step.name)
        time = frozenset(self.time.pop())
        scope.times[step.name] = time
        self.time[-1] |= time
        self.keep(_KINDS.get(step.node.kind, "block"), NOTHING, value, time)
        self.here, self.presence = before, presence
        return value

    def _node(self, step: p.Step, scope: Scope) -> Value:
        match step.node:
            case p.Ask():
                return self.ask(step.node, "ask", step.options, scope)
            case p.Value(expr):
                return self.value(expr, scope)
            case p.Chain(block):
                inner = Scope(scope)
                self.body(block.steps, inner)
                return inner.value(block.result)
            case p.Match(expr, block):
                return self._match(self.value(expr, scope), block, Scope(scope))
            case p.Cascade(block):
                return self._cascade(block, Scope(scope))
            case p.Rounds():
                return self.rounds(step.node, scope)
            case p.FlowCall(key, args):
                return self._flow_call(key, {name: self.value(arg, scope) for name, arg in args.items()})
            case p.ExternCall(key, args):
                given = {name: self.value(arg, scope) for name, arg in args.items()}
                return self.extern(key, given, self.plan.externs[key])
            case p.Fanout() | p.Map() | p.Repeat():
                return self.block(step, step.node, scope)

    def _match(self, chosen: Value, block: p.Block, inner: Scope) -> Value:
        """Read the branches of a match. The value that chooses one of them controls which one runs."""
        presence, decided = self.presence, narrowed(chosen.whole(), log2(len(block.steps)), CONTROL)
        self.presence = union(presence, decided)
        self.body(block.steps, inner)
        self.presence = presence
        return reduce(either, [inner.value(one.name) for one in block.steps]).with_reach(decided)

    def _cascade(self, block: p.Block, inner: Scope) -> Value:
        """Read the stages of a cascade in their order. Each may decide whether those behind it run."""
        presence, before = self.presence, EMPTY
        found: Value | None = None
        tally: Reach = NOTHING
        decided: Reach = NOTHING
        for stage in block.steps:
            scope = Scope(inner)
            if found is not None:
                scope.values["last"], scope.tallies["last"] = led(before, "last"), tally
            if stage.when is not None:
                decided = union(decided, control(self.reach(stage.when, scope)))
            if found is not None:
                # A stage also runs if the one before failed, and what that one saw can make it fail.
                decided = union(decided, narrowed(before.whole(), 1.0, CONTROL))
            self.presence = union(presence, decided)
            value = self.step(replace(stage, when=None), scope)
            before, found = value, value if found is None else either(found, value)
            tally = scope.tally(stage.name)
        self.presence = presence
        return (found or EMPTY).with_reach(decided)

    def _flow_call(self, key: str, given: Mapping[str, Value]) -> Value:
        """Read a call of a flow. Calls whose arguments have the same marks are read once."""
        flow = self.plan.flows[key]
        values = self._params(flow.params, given, p.plain_name(key))
        request = union(*(value.whole() for value in values.values()))
        here, presence = self.here, self.presence
        if self._readings.get(key, 0) >= MOST_READINGS:
            # Flows that call flows could multiply the readings. From here on, each element can change each argument.
            values = {name: widened(value) for name, value in values.items()}
            self.here, self.presence = Here(here.flow, here.step, here.line), widened(Value(presence)).reach
        around = (_frozen(self.presence), _frozen(self.shifting))
        called = (key, self.here.maps, bool(self.spending), *around, *map(_hashed, values.values()))
        if called not in self._done:
            self._readings[key] = self._readings.get(key, 0) + 1
            self.touched.append(set())
            self.time.append(set())
            result = self._flow_body(key, flow, values)
            self._done[called] = result, self.touched.pop(), self.time.pop()
        self.here, self.presence = here, presence
        result, touched, time = self._done[called]
        self.touched[-1] |= touched
        self.time[-1] |= time
        self.keep("flow", request, result)
        return result


def _frozen(reach: Reach) -> Hashable:
    return frozenset((source, mark.content) for source, mark in reach.items())


def _hashed(value: Value) -> Hashable:
    fields = None if value.fields is None else tuple((name, _hashed(one)) for name, one in value.fields.items())
    item = None if value.item is None else _hashed(value.item)
    return _frozen(value.reach), fields, item, value.axis, _frozen(value.length), value.most
