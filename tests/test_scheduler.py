"""Random flows under a virtual clock: what the scheduler promises of order, output, limits, time and cost."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import selectors
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, bounds_of, check_flow, make_plan, plan, types
from flowrun.runtime import events as e
from flowrun.runtime.catalog import catalog
from flowrun.runtime.decisions import Outcome
from flowrun.runtime.functions import FUNCTIONS, World
from flowrun.runtime.limits import Limiter
from flowrun.runtime.prompts import render
from flowrun.runtime.providers.protocol import Message, Request
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.reducers.majority import leading
from flowrun.runtime.scheduler import Endpoint, Scheduler
from flowrun.runtime.scopes import Context
from flowrun.runtime.state import State
from flowrun.runtime.values import ModelValue, evaluate
from flowrun.runtime.verify import verify

Json = Any
WORDS = ("aye", "nay", "abstain")
TICK = 1 / 64


# A loop whose time passes when there is nothing left to do at this moment


class VirtualLoop(asyncio.SelectorEventLoop):
    """``on_idle`` is called each time the clock is about to move. Waiting for nothing is an error, not a wait."""

    def __init__(self) -> None:
        self.now = 0.0
        self.on_idle: Callable[[], None] = lambda: None
        super().__init__(_Clock(self))

    def time(self) -> float:
        return self.now


class _Clock(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self.loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise AssertionError("deadlock: nothing is left that could ever happen")
        if timeout > 0:
            self.loop.on_idle()
            self.loop.now += timeout
        return []


# Flows that are valid by construction


@dataclass
class Named:
    name: str
    type: str
    optional: bool = False


@dataclass
class Writer:
    """Writes a flow. ``votes`` allows votes that may stop early and windows, whose time is not the critical path."""

    rng: random.Random
    size: int
    votes: bool
    count: int = 0
    spent: int = 0

    def flow(self) -> str:
        outer = [Named("p0", "flag"), Named("p1", "flag"), Named("items", "texts")]
        body, known = self.lines(outer, 0, max(1, self.size), 1)
        self.rng.shuffle(body)
        fields = " ".join(f"{one.name}," for one in known)
        return (
            "flow f(items: [text], p0: bool, p1: bool) {\n  " + "\n  ".join(body) + f"\n  return {{ {fields} }}\n}}\n"
        )

    def name(self) -> str:
        self.count += 1
        return f"s{self.count}"

    def lines(self, outer: list[Named], depth: int, most: int, times: int) -> tuple[list[str], list[Named]]:
        body, own = [], []
        for _ in range(self.rng.randint(1, most)):
            text, named = self.line([*outer, *own], own, depth, times)
            body.append(text)
            own.append(named)
        return body, own

    def line(self, known: list[Named], own: list[Named], depth: int, times: int) -> tuple[str, Named]:
        name = self.name()
        kinds = ["ask"] * 4 + ["value"]
        if depth < 3 and times <= 40 and self.spent < 120:
            kinds += ["map", "map", "repeat", "repeat", "fanout", "chain"]
        kind = self.rng.choice(kinds)
        node, type_, options = getattr(self, kind)(name, known, depth, times)
        text = f"{name} = {node}"
        if options:
            text += " with " + ", ".join(options)
        steps = [one for one in own if one.type not in ("flag", "element")]
        if steps and self.rng.random() < 0.15:
            text += f" after {self.rng.choice(steps).name}"
        optional = type_.endswith("?")
        type_ = type_.removesuffix("?")
        if self.rng.random() < 0.2:
            text += f" when {self.condition(known)}"
            if type_ == "text" and not optional and self.rng.random() < 0.6:
                text += f' else "instead of {name}"'
            else:
                optional = True
        return text, Named(name, type_, optional)

    # Nodes: each gives its text, its type and its options

    def ask(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, str, list[str]]:
        self.spent += times
        type_ = self.rng.choice(["text", "text", "choice", "texts", "number"])
        arrow = {"text": "", "choice": " -> " + " | ".join(WORDS), "texts": " -> [text]", "number": " -> 1..5"}[type_]
        return f'ask "{name}| {self.mentions(known)}"{arrow}', type_, self.seed()

    def value(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, str, list[str]]:
        firm = [one for one in known if not one.optional]
        texts = [one.name for one in firm if one.type in ("text", "element")]
        loose = [one.name for one in known if one.optional and one.type == "text"]
        choices = [(f'text "{name} {self.mentions(known)}"', "text")]
        if texts:
            picked = ", ".join(self.rng.choice(texts) for _ in range(self.rng.randint(1, 3)))
            choices.append((f"[{picked}]", "texts"))
        if loose:
            choices.append((f'{self.rng.choice(loose)} ?? "none of it"', "text"))
        if firm:
            choices.append(("{ " + ", ".join(f"f{n}: {one.name}" for n, one in enumerate(firm[-2:])) + " }", "record"))
        text, type_ = self.rng.choice(choices)
        return text, type_, []

    def chain(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, str, list[str]]:
        body, last = self.body(known, depth, times)
        return f"chain {{ {body} }}", last.type + "?" * last.optional, []

    def map(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, str, list[str]]:
        lists = [one.name for one in known if one.type == "texts" and not one.optional]
        source = self.rng.choice([*lists, "items"])
        element = f"e{name[1:]}"
        where = f' where {element} != "b"' if self.rng.random() < 0.2 else ""
        inner = [*known, Named(element, "element")]
        body, last = self.body(inner, depth, times * 4)
        reduce, type_ = self.reduce(name, known, [last], times, tree=True, empty=True)
        options = []
        if self.votes and self.rng.random() < 0.3:
            options.append(f"concurrency: {self.rng.randint(1, 3)}")
        if self.rng.random() < 0.2:
            options.append("errors: " + self.rng.choice(["fail", "skip"]))
        return f"map {element} in {source}{where} at most 60 {{ {body} }} reduce {reduce}", type_, options

    def repeat(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, str, list[str]]:
        most = self.rng.randint(1, 5)
        if self.rng.random() < 0.6:
            body, _ = self.lines(known, depth + 1, 2, times * most) if self.rng.random() < 0.5 else ([], [])
            self.rng.shuffle(body)
            self.spent += times * most
            ballot = f'{self.name()} = ask "{name}v| {self.mentions(known)}" -> ' + " | ".join(WORDS)
            body.append(ballot + f" with seed: {self.rng.randint(0, 99)}")
            if not self.votes:
                return f"repeat {most} {{ {' '.join(body)} }} reduce majority", "choice", ["launch: together"]
            number, options = str(most), []
            if self.rng.random() < 0.3:
                number = f"{most}..{most + self.rng.randint(1, 4)}"
            elif self.rng.random() < 0.6:
                options.append("launch: " + self.rng.choice(["cost", "latency", "together"]))
            if self.rng.random() < 0.2:
                options.append(f"concurrency: {self.rng.randint(1, 3)}")
            return f"repeat {number} {{ {' '.join(body)} }} reduce majority", "choice", options
        body, last = self.body(known, depth, times * most)
        reduce, type_ = self.reduce(name, known, [last], times, tree=True)
        return f"repeat {most} {{ {body} }} reduce {reduce}", type_, []

    def fanout(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, str, list[str]]:
        branches = [self.line(known, [], depth + 1, times) for _ in range(self.rng.randint(2, 3))]
        named = [branch[1] for branch in branches]
        reduce, type_ = self.reduce(name, known, named, times, tree=False)
        return f"fanout {{ {' '.join(branch[0] for branch in branches)} }} reduce {reduce}", type_, []

    # Parts

    def body(self, known: list[Named], depth: int, times: int) -> tuple[str, Named]:
        body, own = self.lines(known, depth + 1, 3, times)
        pairs = list(zip(body, own, strict=True))
        self.rng.shuffle(pairs)
        return " ".join(text for text, _ in pairs), pairs[-1][1]

    def reduce(
        self, name: str, known: list[Named], of: list[Named], times: int, *, tree: bool, empty: bool = False
    ) -> tuple[str, str]:
        self.spent += times * 3
        texts = all(one.type in ("text", "element") and not one.optional for one in of)
        rules = [("collect", "texts" if texts and tree else "record")]
        if texts:
            rules.append(("concat", "text"))
            if tree:
                rules.append((f'by {self.rng.randint(2, 3)} ask "{name}t| {{{{ results }}}}"', "text"))
        if all(one.type == "texts" and not one.optional for one in of):
            rules.append(("flatten", "texts"))
        if self.votes and not empty and all(one.type == "choice" and not one.optional for one in of):
            rules.append(("majority", "record"))
        rules.append((f'ask "{name}r| {{{{ results }}}} {self.mentions(known)}"', "text"))
        return self.rng.choice(rules)

    def mentions(self, known: list[Named]) -> str:
        picked = self.rng.sample(known, min(len(known), self.rng.choice([0, 1, 1, 2, 3])))
        return " ".join(
            f"{{{{ {one.name} | default('-') }}}}" if one.optional else f"{{{{ {one.name} }}}}" for one in picked
        )

    def seed(self) -> list[str]:
        return [f"seed: {self.rng.randint(0, 99)}"] if self.rng.random() < 0.5 else []

    def condition(self, known: list[Named]) -> str:
        firm = [one for one in known if not one.optional]
        texts = [one.name for one in firm if one.type == "texts"]
        choices = [one.name for one in firm if one.type == "choice"]
        conditions = ["p0", "not p1"]
        if texts:
            conditions.append(f"length({self.rng.choice(texts)}) > 1")
        if choices:
            conditions.append(f'{self.rng.choice(choices)} == "aye"')
        return self.rng.choice(conditions)


# What a model says and how long it takes: by the prompt alone, and by a salt


def drawn(request: Request, salt: str = "") -> random.Random:
    prompt = json.dumps([[message.text for message in request.messages], request.seed, salt])
    return random.Random(sha256(prompt.encode()).digest())


def reply(request: Request) -> str:
    rng = drawn(request)
    if request.choices:
        return rng.choices(request.choices, [5, 3, 2])[0]
    if request.schema is not None:
        kind = request.schema.get("type")
        return str(rng.randint(1, 5)) if kind == "integer" else json.dumps(rng.choices("abcd", k=rng.randint(0, 3)))
    return f"r{rng.randrange(10**6)}"


def latency(salt: str) -> Callable[[Request], float]:
    return lambda request: drawn(request, salt).randint(1, 64) * TICK


# The same flow by hand: one step after another, with the time at which each could have ended


@dataclass
class Place:
    """A body while it is worked out."""

    steps: dict[str, plan.Step]
    outer: Place | None
    opened: float
    index: int = 0
    samples: int = 0
    given: dict[str, Json] = field(default_factory=dict)
    done: dict[str, tuple[Json, float]] = field(default_factory=dict)


@dataclass
class Reference:
    inputs: dict[str, Json]
    seconds: Callable[[Request], float]
    calls: int = 0
    work: float = 0.0

    def run(self, flow: plan.Plan) -> tuple[Json, float]:
        root = Place({step.name: step for step in flow.steps}, None, 0.0, given=self.inputs)
        end = self.all(root)
        return evaluate(flow.result, _Names(self, root)), end

    def all(self, place: Place) -> float:
        return max([place.opened, *(self.get(place, name)[1] for name in place.steps)])

    def get(self, place: Place | None, name: str) -> tuple[Json, float]:
        while place is not None:
            if name in place.given:
                return place.given[name], place.opened
            if name in place.steps:
                if name not in place.done:
                    place.done[name] = self.step(place, place.steps[name])
                return place.done[name]
            place = place.outer
        raise AssertionError(name)

    def step(self, place: Place, step: plan.Step) -> tuple[Json, float]:
        names = _Names(self, place)
        start = max([place.opened, *(self.get(place, need)[1] for need in step.needs)])
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
                return inner.done[body.result][0], end
            case plan.Fanout(body, reduce):
                inner = self.open(body, place, start)
                self.all(inner)
                return self.reduce(reduce, place, {name: inner.done[name] for name in inner.steps}, step)
        elements = []
        if isinstance(node, plan.Map):
            elements = list(evaluate(node.source, names))
            if node.where is not None:
                elements = [
                    one
                    for one in elements
                    if evaluate(node.where, _Names(self, Place({}, place, 0, given={node.element: one})))
                ]
            assert node.at_most is None or len(elements) <= node.at_most
        results: dict[str, tuple[Json, float]] = {}
        for index in range(len(elements) if isinstance(node, plan.Map) else node.most):
            inner = self.open(node.body, place, start)
            if isinstance(node, plan.Map):
                inner.given[node.element] = elements[index]
            else:
                inner.index, inner.samples = index, node.most
            end = self.all(inner)
            results[str(index)] = inner.done[node.body.result][0], end
            least = index + 1 if isinstance(node, plan.Map) else node.least
            if isinstance(node, plan.Repeat) and node.least < node.most and index + 1 >= least:
                counts = [count for _, count in Counter(value for value, _ in results.values()).most_common()]
                if leading(counts[0], counts[1] if len(counts) > 1 else 0) >= 0.95:
                    break
        if not results:
            results["start"] = None, start
        return self.reduce(node.reduce, place, results, step)

    def open(self, body: plan.Block, place: Place, start: float) -> Place:
        return Place({step.name: step for step in body.steps}, place, start)

    def ask(
        self, ask: plan.Ask, place: Place, options: dict[str, plan.Expr], start: float, **given: Json
    ) -> tuple[Json, float]:
        names = _Names(self, Place({}, place, start, given=given))
        seed = evaluate(options["seed"], names) if "seed" in options else None
        inside, scale = place, 1
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
        seconds = self.seconds(request)
        self.calls += 1
        self.work += seconds
        text = reply(request)
        return (text if choice or answer == types.TEXT else json.loads(text)), start + seconds

    def reduce(
        self, reduce: plan.Reduce, place: Place, results: dict[str, tuple[Json, float]], step: plan.Step
    ) -> tuple[Json, float]:
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
            branches = dict(zip(results, values, strict=True)) if isinstance(step.node, plan.Fanout) else {}
            return self.ask(reduce.ask, place, reduce.options, max(end, needed), results=values, **branches)
        level = list(results.values())
        fan_in = evaluate(reduce.count, _Names(self, place))
        while len(level) > 1:
            groups = [level[at : at + fan_in] for at in range(0, len(level), fan_in)]
            level = [
                group[0]
                if len(group) == 1
                else self.ask(
                    reduce.ask,
                    place,
                    reduce.options,
                    max(needed, *(time for _, time in group)),
                    results=[value for value, _ in group],
                )
                for group in groups
            ]
        # The tree may be done before a step of its elements that it does not take.
        return level[0][0], max(end, level[0][1])


@dataclass
class _Names:
    reference: Reference
    place: Place

    def value(self, name: str) -> Json:
        return self.reference.get(self.place, name)[0]

    def call(self, function: str, args: dict[str, Json]) -> Json:
        assert function == "length"
        return len(args["of"])


def most_given(values: list[Json]) -> Json:
    return max(dict.fromkeys(values), key=values.count)


RULES: dict[str, Callable[[list[Json]], Json]] = {
    "collect": list,
    "concat": "\n\n".join,
    "flatten": lambda lists: [one for items in lists for one in items],
    "majority": most_given,
}


# One run


@dataclass
class Ran:
    outcome: Outcome
    events: list[e.Event]
    provider: ScriptedProvider
    seconds: float


def run_flow(flow: plan.Plan, inputs: dict[str, Json], seconds: Callable[[Request], float], limit: int) -> Ran:
    provider = ScriptedProvider(lambda request, _: Scripted(reply(request), seconds(request)))
    endpoint = Endpoint(provider, Limiter(limit))
    events: list[e.Event] = []

    def functions(name: str, args: Any, tally: Any) -> Json:
        return FUNCTIONS[name].call(args, World(None, tally))  # type: ignore[arg-type]

    state = State(flow, inputs, Context({}, ModelValue("m", "m"), functions), window=10**6)
    scheduler = Scheduler(state, {"m": endpoint}, events.append)

    def none_idles() -> None:
        waiting = any(batch.calls for batch in endpoint.queue)
        assert not waiting or endpoint.limiter.active == limit, "a slot idles while a request waits"

    async def whole() -> Outcome:
        outcome = await scheduler.run()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return outcome

    loop = VirtualLoop()
    loop.on_idle = none_idles
    try:
        outcome = loop.run_until_complete(whole())
    finally:
        loop.close()
    assert not state._calls._pending
    assert not scheduler.busy
    assert endpoint.limiter.active == 0
    return Ran(outcome, events, provider, loop.now)


def written(seed: int, size: int, *, votes: bool) -> tuple[plan.Plan, dict[str, Json]]:
    rng = random.Random(seed)
    text = Writer(rng, size, votes).flow()
    note(text)
    flow = make_plan(check_flow(Source(text), catalog()))
    verify(flow)
    inputs = {"items": rng.choices("abcde", k=rng.randint(0, 4)), "p0": rng.random() < 0.5, "p1": rng.random() < 0.5}
    note(repr(inputs))
    return flow, inputs


# What must hold of the order of events

_PART = re.compile(r"(\w+)(\[\d+\])?")


def check_order(flow: plan.Plan, events: list[e.Event]) -> None:
    """Every step begins behind all that it needs, and every block ends behind what it combines."""
    steps = {step.name: step for step in flow.walk()}
    depth = dict(_levels(flow.steps, 0))
    finished: set[str] = set()

    def there(path: str, names: tuple[str, ...]) -> None:
        parts = path.split(".")
        for name in names:
            need = ".".join([*(part for part in parts[: depth[name]]), name])
            assert need in finished, f"{path} began before {need} was finished"

    for event in events:
        match event:
            case e.StepStarted(path):
                there(path, steps[path.split(".")[-1]].needs)
            case e.RequestStarted(_, path) if path.endswith(".reduce"):
                block = path.removesuffix(".reduce")
                there(block, steps[block.split(".")[-1]].node.reduce.needs)  # type: ignore[union-attr]
            case e.StepFinished(path):
                assert path not in finished, f"{path} was finished twice"
                step = steps[path.split(".")[-1]]
                there(path, step.needs)
                finished.add(path)


def _levels(steps: tuple[plan.Step, ...], level: int) -> Iterator[tuple[str, int]]:
    for step in steps:
        yield step.name, level
        if step.block is not None:
            yield from _levels(step.block.steps, level + 1)


SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 6)
LIMITS = st.integers(1, 8)
DEFAULT = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None)
# FLOWRUN_RANDOM_FLOWS=20000 takes about twenty minutes for each of the two.
SLOW = settings(DEFAULT, max_examples=int(os.environ.get("FLOWRUN_RANDOM_FLOWS", "2000")))


def check_output(seed: int, size: int, limit: int) -> None:
    """Votes, windows and all: the output is that of the flow done by hand, at any latency and any limit."""
    flow, inputs = written(seed, size, votes=True)
    value, _ = Reference(inputs, latency("")).run(flow)
    for salt, slots in (("one", limit), ("two", 1000)):
        ran = run_flow(flow, inputs, latency(salt), slots)
        assert ran.outcome.failures == ran.outcome.losses == ()
        assert ran.outcome.complete
        assert ran.outcome.value == value
        assert ran.provider.peak <= slots
        check_order(flow, ran.events)
        sizes = {
            step.name: len(inputs["items"])
            for step in flow.walk()
            if isinstance(step.node, plan.Map) and step.node.source == plan.Ref("items") and step.node.where is None
        }
        bounds = bounds_of(flow, catalog().reducers, sizes)
        assert bounds.least <= len(ran.provider.calls)
        assert bounds.most is None or len(ran.provider.calls) <= bounds.most


def check_time(seed: int, size: int, limit: int) -> None:
    """Without votes that stop early or windows: the critical path, and what a list schedule may add to it."""
    flow, inputs = written(seed, size, votes=False)
    seconds = latency("time")
    reference = Reference(inputs, seconds)
    value, path = reference.run(flow)
    free = run_flow(flow, inputs, seconds, 10**6)
    assert free.outcome.value == value
    assert len(free.provider.calls) == reference.calls
    assert free.seconds == path
    held = run_flow(flow, inputs, seconds, limit)
    assert held.outcome.value == value
    assert held.provider.peak <= limit
    assert held.seconds <= reference.work / limit + (1 - 1 / limit) * path + 1e-9


@given(SEEDS, SIZES, LIMITS)
@DEFAULT
def test_output_depends_on_nothing_but_the_answers(seed: int, size: int, limit: int) -> None:
    check_output(seed, size, limit)


@given(SEEDS, SIZES, LIMITS)
@DEFAULT
def test_a_run_takes_the_critical_path(seed: int, size: int, limit: int) -> None:
    check_time(seed, size, limit)


@pytest.mark.slow
@given(SEEDS, SIZES, LIMITS)
@SLOW
def test_output_depends_on_nothing_but_the_answers_many_flows(seed: int, size: int, limit: int) -> None:
    check_output(seed, size, limit)


@pytest.mark.slow
@given(SEEDS, SIZES, LIMITS)
@SLOW
def test_a_run_takes_the_critical_path_many_flows(seed: int, size: int, limit: int) -> None:
    check_time(seed, size, limit)
