"""A reference for runs: it works out a flow one step after another, with the earliest time at which each can end."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from flowrun.dsl import plan, types
from flowrun.runtime.plans.free_names import mentions
from flowrun.runtime.reducers.majority import leading
from flowrun.runtime.values.expressions import evaluate
from flowrun.runtime.values.prompts import render
from flowrun.runtime.vocabulary.call import Message, Request

from .made_lists import Made

Json = Any
TICK = 1 / 64

# What a model says and how long it takes: by the prompt alone, and by a salt


def drawn(request: Request, salt: str = "") -> random.Random:
    prompt = json.dumps([[message.text for message in request.messages], request.seed, salt])
    return random.Random(sha256(prompt.encode()).digest())


def reply(request: Request) -> str:
    rng = drawn(request)
    if request.choices:
        return rng.choices(request.choices, [5, 3, 2, 1, 1, 1][: len(request.choices)])[0]
    if request.schema is not None:
        kind = request.schema.get("type")
        return str(rng.randint(1, 5)) if kind == "integer" else json.dumps(rng.choices("abcd", k=rng.randint(0, 3)))
    return f"r{rng.randrange(10**6)}"


def latency(salt: str) -> Callable[[Request], float]:
    return lambda request: drawn(request, salt).randint(1, 64) * TICK


@dataclass
class Place:
    """A body in progress: its steps, their values and their ends."""

    steps: dict[str, plan.Step]
    outer: Place | None
    opened: float
    index: int = 0
    samples: int = 0
    given: dict[str, Json] = field(default_factory=dict)
    done: dict[str, tuple[Json, float]] = field(default_factory=dict)
    made: dict[str, Made] = field(default_factory=dict)
    failed: dict[str, Failed] = field(default_factory=dict)


class Failed(Exception):
    """A step has no value.

    ``outside``: it failed because a step of the flow itself has no value, which no block can make good. It is None if
    there is a failure of each kind, and the first one depends on time.
    """

    def __init__(self, *, outside: bool | None = False) -> None:
        super().__init__()
        self.outside = outside


def _one(failures: list[bool | None]) -> bool | None:
    return failures[0] if len(set(failures)) == 1 else None


class Undecided(Exception):
    """The outcome of the flow depends on which of two failures is first."""


@dataclass
class Reference:
    """The reference for one run. ``fails`` tells which requests get no answer."""

    inputs: dict[str, Json]
    seconds: Callable[[Request], float]
    fails: Callable[[Request], bool] = lambda request: False
    calls: int = 0
    work: float = 0.0

    def run(self, flow: plan.Plan) -> tuple[Json, float]:
        root = Place({step.name: step for step in flow.steps}, None, 0.0, given=self.inputs)
        end = self.all(root)
        return evaluate(flow.result, _Names(self, root)), end

    def survivors(self, flow: plan.Plan) -> dict[str, Json]:
        """Return the values of the flow's own steps, for the steps that have one."""
        root = Place({step.name: step for step in flow.steps}, None, 0.0, given=self.inputs)
        values = {}
        for name in root.steps:
            with suppress(Failed):
                values[name] = self.get(root, name)[0]
        return values

    def all(self, place: Place) -> float:
        ends, failures = [place.opened], []
        for name in place.steps:
            try:
                ends.append(self.get(place, name)[1])
            except Failed as failed:
                failures.append(failed.outside)
        if failures:
            raise Failed(outside=_one(failures))
        return max(ends)

    def get(self, place: Place | None, name: str) -> tuple[Json, float]:
        while place is not None:
            if name in place.given:
                return place.given[name], place.opened
            if name in place.steps:
                if name in place.failed:
                    raise place.failed[name]
                if name not in place.done:
                    try:
                        place.done[name] = self.step(place, place.steps[name])
                    except Failed as failed:
                        outside = True if place.outer is None else failed.outside
                        place.failed[name] = Failed(outside=outside)
                        raise place.failed[name] from None
                return place.done[name]
            place = place.outer
        raise AssertionError(name)

    def step(self, place: Place, step: plan.Step) -> tuple[Json, float]:
        names = _Names(self, place)
        ends = {need: self.get(place, need)[1] for need in step.needs}
        source = self.taken(place, step)
        if source is not None and isinstance(step.node, plan.Map) and isinstance(step.node.source, plan.Ref):
            del ends[step.node.source.name]
        start = max([place.opened, *ends.values()])
        if step.when is not None and not evaluate(step.when, names):
            return (None if step.otherwise is None else evaluate(step.otherwise, names)), start
        node = step.node
        match node:
            case plan.Ask():
                return self.ask(node, place, step.options, start)
            case plan.Value(expr):
                return evaluate(expr, names), start
            case plan.Chain(body):
                inner = self.open(body, place, start)
                end = self.all(inner)
                if body.result in inner.made:
                    place.made[step.name] = inner.made[body.result]
                return inner.done[body.result][0], end
            case plan.Fanout(body, reduce):
                inner = self.open(body, place, start)
                self.all(inner)
                if reduce.rule == "flatten" and reduce.ask is None:
                    made = place.made[step.name] = Made()
                    made.flatten([(inner, name, inner.done[name][1]) for name in inner.steps])
                return self.reduce(reduce, place, {name: inner.done[name] for name in inner.steps}, step)
            case plan.Map() | plan.Repeat():
                return self.many(node, place, step, start, source)
        raise AssertionError(f"{step.name} is a call of code that is not here")

    def many(
        self, node: plan.Map | plan.Repeat, place: Place, step: plan.Step, start: float, source: Made | None
    ) -> tuple[Json, float]:
        """Work out a block with many bodies."""
        elements = self.elements(node, place, start, source)
        results: dict[str, tuple[Json, float]] = {}
        lost: Failed | None = None
        final: list[bool | None] = []
        bodies: list[tuple[Place, str, float]] = []
        for index in range(len(elements) if isinstance(node, plan.Map) else node.most):
            inner = self.open(node.body, place, elements[index][1] if elements else start)
            if isinstance(node, plan.Map):
                inner.given[node.element] = elements[index][0]
            else:
                inner.index, inner.samples = index, node.most
            try:
                end = self.all(inner)
            except Failed as failed:
                lost = failed
                if self.skips(node, step) and failed.outside is None:
                    raise Undecided from None
                if failed.outside or not self.skips(node, step):
                    final.append(failed.outside)
                continue
            results[str(index)] = inner.done[node.body.result][0], end
            bodies.append((inner, node.body.result, end))
            least = index + 1 if isinstance(node, plan.Map) else node.least
            if isinstance(node, plan.Repeat) and node.least < node.most and index + 1 >= least:
                counts = [count for _, count in Counter(value for value, _ in results.values()).most_common()]
                if leading(counts[0], counts[1] if len(counts) > 1 else 0) >= 0.95:
                    break
        if final:
            raise Failed(outside=_one(final))
        if lost is not None and node.reduce.ask is None and node.reduce.rule == "majority":
            self.hold(node, [value for value, _ in results.values()], index + 1 - len(results))
        if not results:
            if lost is not None and (node.reduce.ask is not None or node.reduce.rule == "majority"):
                raise lost
            results["start"] = None, start
        ranked = source is not None and not (source.exact and isinstance(node, plan.Map) and node.where is None)
        closed = start if source is None else max(start, source.end)
        self.list_of(step, node, place, bodies, known=not ranked)
        if source is not None and not results.keys() - {"start"}:
            results["start"] = None, closed
        value, end = self.reduce(node.reduce, place, results, step, elements if ranked else None, closed)
        if step.name in place.made:
            place.made[step.name].end = max(end, closed)
            if ranked:
                place.made[step.name].ranked = [max(end, closed)] * len(place.made[step.name].items)
        return value, max(end, closed) if node.reduce.ask is None else end

    def hold(self, node: plan.Map | plan.Repeat, ballots: list[Json], missing: int) -> None:
        """Raise Failed for a vote that the ballots of its lost samples could still change."""
        if isinstance(node, plan.Repeat) and node.least < node.most:
            raise Undecided
        first, second = (*(count for _, count in Counter(ballots).most_common(2)), 0, 0)[:2]
        if first - second <= missing:
            raise Failed

    def elements(
        self, node: plan.Map | plan.Repeat, place: Place, start: float, source: Made | None
    ) -> list[tuple[Json, float, float]]:
        """Return the elements, each with the time when it was there, and the time when all before it were there too."""
        elements: list[tuple[Json, float, float]] = []
        if isinstance(node, plan.Map):
            if source is None:
                elements = [(one, start, start) for one in evaluate(node.source, _Names(self, place))]
            else:
                times = [[max(start, time) for time in times] for times in (source.times, source.ranked)]
                elements = list(zip(source.items, *times, strict=True))
            if node.where is not None:
                elements = [
                    one
                    for one in elements
                    if evaluate(node.where, _Names(self, Place({}, place, 0, given={node.element: one[0]})))
                ]
            assert node.at_most is None or len(elements) <= node.at_most
        return elements

    def taken(self, place: Place, step: plan.Step) -> Made | None:
        """Return the list that a map takes item by item while it is made; None if the map waits for the whole list."""
        node = step.node
        if not isinstance(node, plan.Map) or node.whole or not isinstance(node.source, plan.Ref):
            return None
        name = node.source.name
        others: list[plan.Expr] = [expr for expr in (step.when, step.otherwise, node.where) if expr is not None]
        if name in mentions(others) or (node.reduce.ask is None and node.reduce.rule == "majority"):
            return None
        home: Place | None = place
        while home is not None and name not in home.steps:
            home = home.outer
        if home is None:
            return None
        self.get(home, name)
        found = home.made.get(name)
        if found is None or (node.at_most is not None and (found.bound is None or found.bound > node.at_most)):
            return None
        return found

    def list_of(
        self,
        step: plan.Step,
        node: plan.Map | plan.Repeat,
        place: Place,
        bodies: list[tuple[Place, str, float]],
        *,
        known: bool,
    ) -> None:
        """Keep the list that a block makes for the maps after it; ``known``: its length is known from the beginning."""
        if node.reduce.ask is not None or node.reduce.rule not in ("collect", "flatten"):
            return
        made = place.made[step.name] = Made()
        firm = not self.skips(node, step)
        if node.reduce.rule == "flatten":
            made.flatten(bodies, nested=firm)
            return
        made.collect(bodies)
        made.bound = len(bodies) if known else None
        made.exact = known and firm

    def skips(self, node: plan.Map | plan.Repeat, step: plan.Step) -> bool:
        """Tell whether a block goes on without an element that failed."""
        policy = step.options.get("errors")
        skip = policy is not None and evaluate(policy, _Names(self, Place({}, None, 0))) == "skip"
        return skip or node.reduce.rule == "majority"

    def open(self, body: plan.Block, place: Place, start: float) -> Place:
        return Place({step.name: step for step in body.steps}, place, start)

    def ask(
        self, ask: plan.Ask, place: Place, options: dict[str, plan.Expr], start: float, **given: Json
    ) -> tuple[Json, float]:
        names = _Names(self, Place({}, place, start, given=given))
        seed = evaluate(options["seed"], names) if "seed" in options else None
        inside: Place | None = place
        scale = 1
        while seed is not None and inside is not None:
            if inside.samples:
                seed += inside.index * scale
                scale *= inside.samples
            inside = inside.outer
        answer = ask.answer
        choice = isinstance(answer, types.Choice)
        request = Request(
            tuple(Message(message.role, render(message.template, names.value)) for message in ask.messages),
            choices=answer.options if isinstance(answer, types.Choice) else (),
            schema=None if choice or answer == types.TEXT else types.json_schema(answer),
            seed=seed,
        )
        if self.fails(request):
            raise Failed
        seconds = self.seconds(request)
        self.calls += 1
        self.work += seconds
        text = reply(request)
        return (text if choice or answer == types.TEXT else json.loads(text)), start + seconds

    def reduce(
        self,
        reduce: plan.Reduce,
        place: Place,
        results: dict[str, tuple[Json, float]],
        step: plan.Step,
        ranked: list[tuple[Json, float, float]] | None = None,
        closed: float = 0.0,
    ) -> tuple[Json, float]:
        """Work out a reducer. ``ranked``: the elements with the times when their places in the list became known."""
        start = results.pop("start", (None, 0.0))[1]
        values = [value for value, _ in results.values()]
        end = max([start, *(time for _, time in results.values())])
        if reduce.ask is None:
            if reduce.rule == "collect" and isinstance(step.node, plan.Fanout):
                return dict(zip(results, values, strict=True)), end
            return RULES[reduce.rule](values), end
        if not values:
            return "", end
        needed = max([0.0, *(self.get(place, need)[1] for need in reduce.needs)])
        if reduce.count is None:
            end = max(end, closed)
            branches = dict(zip(results, values, strict=True)) if isinstance(step.node, plan.Fanout) else {}
            return self.ask(reduce.ask, place, reduce.options, max(end, needed), results=values, **branches)
        # An element that was lost leaves its place in the tree empty.
        level = [results.get(str(place)) for place in range(max(map(int, results)) + 1)]
        fan_in = evaluate(reduce.count, _Names(self, place))
        if ranked is not None:
            # Losses do not matter here: times are compared only for runs without losses.
            level = [
                None if one is None else (one[0], max(one[1], known))
                for one, (_, _, known) in zip(level, ranked, strict=False)
            ]
        waits = closed if ranked is not None else 0.0
        while len(level) > 1:
            groups = [
                [one for one in level[at : at + fan_in] if one is not None] for at in range(0, len(level), fan_in)
            ]
            late = [at + fan_in > len(level) for at in range(0, len(level), fan_in)]
            level = [
                next(((value, max(time, waits * last)) for value, time in group), None)
                if len(group) <= 1
                else self.ask(
                    reduce.ask,
                    place,
                    reduce.options,
                    max(needed, waits * last, *(time for _, time in group)),
                    results=[value for value, _ in group],
                )
                for group, last in zip(groups, late, strict=True)
            ]
        # The tree may be done before a step in its elements' bodies that it does not use.
        root = level[0]
        assert root is not None
        return root[0], max(end, root[1], waits)


@dataclass
class _Names:
    reference: Reference
    place: Place

    def value(self, name: str) -> Json:
        return self.reference.get(self.place, name)[0]

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        assert function == "length"
        return len(args["of"])


RULES: dict[str, Callable[[list[Json]], Json]] = {
    "collect": list,
    "concat": "\n\n".join,
    "flatten": lambda lists: [one for items in lists for one in items],
    "majority": lambda values: max(dict.fromkeys(values), key=values.count),
}
