"""The calls of one body of a block, as far as the plan tells them. Attempts that are sent again are not counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from flowrun.dsl import plan as p

if TYPE_CHECKING:
    from flowrun.dsl import ReducerSpec


class Calls(NamedTuple):
    """The most calls of a body, and the calls with which each vote in it has its first sample."""

    most: int
    first: int


class Costs:
    """The calls of bodies. A list of unknown length counts as one element. ``flows`` are the flows of the plan."""

    def __init__(self, flows: Mapping[str, p.Flow]) -> None:
        self.flows = flows
        self._known: dict[str, Calls] = {}

    def of(self, steps: Iterable[p.Step]) -> Calls:
        """Return the calls of a body with these steps."""
        found = [self._step(step) for step in steps]
        return Calls(sum(one.most for one in found), sum(one.first for one in found))

    def _step(self, step: p.Step) -> Calls:
        node = step.node
        asks = 0
        match node:
            case p.Ask():
                found = Calls(0, 0) if node.person else Calls(1, 1)
            case p.FlowCall(flow):
                found = self._flow(flow)
            case p.Match():
                branches = [self.of((one,)) for one in node.body.steps]
                found = Calls(max(one.most for one in branches), min(one.first for one in branches))
            case p.Rounds(most):
                one = self.of(node.body.steps)
                found = Calls(most * one.most, one.first)
            case p.Cascade():
                # The later stages run only if the first one is not enough.
                stages = [self.of((one,)) for one in node.body.steps]
                found = Calls(sum(one.most for one in stages), stages[0].first)
            case p.Map():
                one, asks = self.of(node.body.steps), _asks(node.reduce, elements_of(node))
                found = Calls(elements_of(node) * one.most, one.first)
            case p.Repeat():
                one, asks = self.of(node.body.steps), _asks(node.reduce, node.most)
                found = Calls(node.most * one.most, one.first)
            case p.Fanout():
                found, asks = self.of(node.body.steps), _asks(node.reduce, len(node.body.steps))
            case _:
                found = Calls(0, 0) if step.block is None else self.of(step.block.steps)
        return Calls(found.most + asks, 0 if step.when is not None else found.first)

    def _flow(self, name: str) -> Calls:
        if name not in self._known:
            self._known[name] = self.of(self.flows[name].steps)
        return self._known[name]


def _asks(reduce: p.Reduce, results: int) -> int:
    """Return the most calls of the asks of a reducer with so many results."""
    if reduce.deciding is not None and (reduce.same == "ask" or "method" in reduce.args):
        return results * (results - 1)
    if (reduce.deciding is not None and reduce.searches) or reduce.form in ("tree", "fold"):
        return results
    return len(reduce.asks)


def elements_of(node: p.Map) -> int:
    """Return the elements that a map is assumed to have before it begins."""
    return node.at_most or 1


def has_votes(plan: p.Plan) -> bool:
    """Tell whether a plan has a vote over the samples of a repeat, or a repeat whose reducer is not known here."""
    return any(_repeats(plan))


def votes_in(plan: p.Plan, reducers: Mapping[str, ReducerSpec]) -> bool:
    """Tell whether a plan has a vote over the samples of a repeat."""
    return any(one.reduce.rule in reducers and reducers[one.reduce.rule].votes for one in _repeats(plan))


def _repeats(plan: p.Plan) -> Iterator[p.Repeat]:
    bodies = (plan.steps, *(flow.steps for flow in plan.flows.values()))
    return (step.node for steps in bodies for step in p.walk_steps(steps) if isinstance(step.node, p.Repeat))
