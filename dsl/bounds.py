"""How many calls a plan can make, at least and at most, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from . import plan as p
from .catalog import ReducerSpec

RETRIES = 2
"""How often a malformed answer is asked for again, unless the flow says otherwise."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The calls of one step, and of the steps inside it for one run of its body.

    ``least`` and ``most`` hold for runs without failures; ``most`` is None where the inputs decide.
    ``elements`` is how many times the body runs, where that is known.
    """

    title: str
    what: str
    least: int
    most: int | None
    elements: int | None = None
    inside: tuple[Bounds, ...] = ()


def bounds_of(plan: p.Plan, reducers: Mapping[str, ReducerSpec], sizes: Mapping[str, int] | None = None) -> Bounds:
    """The bounds of a plan. ``sizes`` are the numbers of elements of maps, by step, where inputs are given."""
    counter = _Counter(plan, reducers, sizes or {})
    steps = tuple(counter.step(step, vote=False) for step in plan.steps)
    most = _sum_most(steps)
    if plan.calls_limit is not None:
        most = plan.calls_limit if most is None else min(most, plan.calls_limit)
    return Bounds(plan.flow, "flow", _sum_least(steps), most, None, steps)


class _Counter:
    def __init__(self, plan: p.Plan, reducers: Mapping[str, ReducerSpec], sizes: Mapping[str, int]) -> None:
        self.reducers = reducers
        self.sizes = sizes
        self.models = {model.name: model for model in plan.models}

    def step(self, step: p.Step, *, vote: bool) -> Bounds:
        found = self._node(step, vote)
        if step.when is None:
            return found
        return Bounds(found.title, f"{found.what}, when needed", 0, found.most, found.elements, found.inside)

    def _node(self, step: p.Step, vote: bool) -> Bounds:
        node = step.node
        match node:
            case p.Ask():
                return Bounds(step.title, "ask", 1, 1 if vote else self._tries(node, step.options))
            case p.Value():
                return Bounds(step.title, "value", 0, 0)
            case p.Chain():
                steps = tuple(self.step(inner, vote=vote) for inner in node.body.steps)
                return Bounds(step.title, "chain", _sum_least(steps), _sum_most(steps), None, steps)
            case p.Fanout():
                steps = tuple(self.step(inner, vote=False) for inner in node.body.steps)
                return self._combined(step, node, "fanout", len(steps), 1, 1, steps)
            case p.Repeat():
                steps = self._body(node)
                together = isinstance(launch := step.options.get("launch"), p.Constant) and launch.value == "together"
                spec = self.reducers.get(node.reduce.rule)
                fewest = node.most if spec is None or together else spec.fewest(node.least, node.most)
                count = str(node.most) if node.least == node.most else f"{node.least} to {node.most}"
                return self._combined(step, node, f"repeat {count}", node.most, fewest, node.most, steps)
            case p.Map():
                steps = self._body(node)
                size = self.sizes.get(step.name)
                spec = self.reducers.get(node.reduce.rule)
                fewest = size or 0
                if size is not None and spec is not None and spec.votes:
                    fewest = spec.fewest(size, size)
                most = size if size is not None else node.at_most
                times = "" if size is None else f" × {size}"
                return self._combined(step, node, f"map {node.element}{times}", size, fewest, most, steps)

    def _tries(self, ask: p.Ask, options: Mapping[str, p.Expr]) -> int | None:
        """How often an ask may be answered before it counts as failed; None where a value decides it."""
        if isinstance(ask.model, p.Ref) and ask.model.name in self.models:
            models = [self.models[ask.model.name]]
        else:
            # The model is chosen when the flow runs: any of those declared, or another.
            models = [*self.models.values(), p.Model("", "", {})]
        default = p.Constant(RETRIES)
        chosen = [options["retries"]] if "retries" in options else []
        chosen = chosen or [model.options.get("retries", default) for model in models]
        known = [int(expr.value) for expr in chosen if isinstance(expr, p.Constant)]
        return 1 + max(known) if len(known) == len(chosen) else None

    def _body(self, node: p.Map | p.Repeat) -> tuple[Bounds, ...]:
        spec = self.reducers.get(node.reduce.rule)
        vote = spec is not None and spec.votes
        return tuple(self.step(inner, vote=vote) for inner in node.body.steps)

    def _combined(
        self,
        step: p.Step,
        node: p.Map | p.Repeat | p.Fanout,
        what: str,
        elements: int | None,
        fewest: int,
        most: int | None,
        steps: tuple[Bounds, ...],
    ) -> Bounds:
        each_most = _sum_most(steps)
        least = fewest * _sum_least(steps)
        highest = 0 if each_most == 0 else None if most is None or each_most is None else most * each_most
        reduce = node.reduce
        if reduce.ask is not None:
            tries = self._tries(reduce.ask, reduce.options)
            if reduce.count is None:
                least += 1 if fewest else 0
                highest = None if highest is None or tries is None else highest + tries
            else:
                fan_in = reduce.count.value if isinstance(reduce.count, p.Constant) else 2
                least += merges(fewest, fan_in)
                if highest is not None:
                    highest = None if most is None or tries is None else highest + merges(most, fan_in) * tries
        title = f"by {reduce.count.value} ask" if isinstance(reduce.count, p.Constant) else reduce.rule
        return Bounds(step.title, f"{what}, reduce {title}", least, highest, elements, steps)


def merges(leaves: int, fan_in: int) -> int:
    """How many merges of two or more a tree over so many leaves takes."""
    count = 0
    while leaves > 1:
        whole, rest = divmod(leaves, fan_in)
        count += whole + (rest > 1)
        leaves = whole + (rest > 0)
    return count


def _sum_least(steps: tuple[Bounds, ...]) -> int:
    return sum(step.least for step in steps)


def _sum_most(steps: tuple[Bounds, ...]) -> int | None:
    known = [step.most for step in steps if step.most is not None]
    return sum(known) if len(known) == len(steps) else None


def walk(bounds: Bounds, depth: int = 0) -> Iterator[tuple[int, Bounds]]:
    """A tree of bounds, from the top, each with its depth."""
    yield depth, bounds
    for inner in bounds.inside:
        yield from walk(inner, depth + 1)
