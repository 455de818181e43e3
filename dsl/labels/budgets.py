"""Budgets that can run out: an element that makes many calls then takes those of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from math import inf

from .. import plan as p
from ..bounds.bounds import bounds_of
from ..catalog import ReducerSpec
from .marks import CONTROL, JOINED, Mark, Reach
from .places import Place

_REQUESTS = ("ask", "reducer", "judge")


def scarce(plan: p.Plan, reducers: Mapping[str, ReducerSpec]) -> Set[str]:
    """Return the keys of the flows whose budget may not last; "" is the key of the plan's own flow.

    A budget of calls lasts if it is not below the most attempts that may be billed. Money may always run out, because
    the length of a text has no bound.
    """
    every: dict[str, p.Plan | p.Flow] = {"": plan, **plan.flows}
    limited = {key: one.calls_limit for key, one in every.items() if one.calls_limit is not None}
    paying = {key for key, one in every.items() if one.money_limit is not None}
    counts = Asks(plan)
    paying |= {key for key, limit in limited.items() if counts.of(key) > limit}
    limited = {key: limit for key, limit in limited.items() if key not in paying}
    if not limited:
        return paying
    flows = {key: replace(flow, calls_limit=None, money_limit=None) for key, flow in plan.flows.items()}
    bounds = bounds_of(replace(plan, flows=flows, calls_limit=None, money_limit=None), reducers)
    most = {"": bounds.attempts.most, **{one.title: one.attempts.most for one in bounds.flows}}

    def lasts(key: str) -> bool:
        # A flow without bounds is called nowhere.
        number = most.get(key, 0)
        return number is not None and number <= limited[key]

    return paying | {key for key in limited if not lasts(key)}


class Asks:
    """The asks of flows that all run: no more than the bounds say, and much sooner counted."""

    def __init__(self, plan: p.Plan) -> None:
        self.flows: dict[str, p.Plan | p.Flow] = {"": plan, **plan.flows}
        self._known: dict[str, float] = {}

    def of(self, key: str) -> float:
        if key not in self._known:
            flow = self.flows[key]
            self._known[key] = self._steps(flow.steps, {param.name for param in flow.params})
        return self._known[key]

    def _steps(self, steps: Iterable[p.Step], given: Set[str]) -> float:
        return sum(self._step(step.node, given) for step in steps)

    def _step(self, node: p.Node, given: Set[str]) -> float:
        match node:
            case p.Ask():
                return 0 if node.person else 1
            case p.FlowCall(key):
                return self.of(key)
            case p.Chain(block) | p.Fanout(block) | p.Cascade(block):
                return self._steps(block.steps, given)
            case p.Match(body=block):
                return max(self._step(one.node, given) for one in block.steps)
            case p.Repeat() | p.Rounds():
                return node.most * self._steps(node.body.steps, given)
            case p.Map():
                inner = self._steps(node.body.steps, given)
                # The bounds know the length of a list that a step makes.
                long = isinstance(node.source, p.Ref) and node.source.name in given
                return (node.at_most or inf) * inner if long and inner else 0
        return 0


def spenders(places: Iterable[Place]) -> Reach:
    """Return the marks of the sources whose elements can change the number or the cost of calls."""
    found: dict[str, Mark] = {}
    for place in places:
        for reach in place.sending if place.kind in _REQUESTS else ():
            for source, mark in reach.items():
                found.setdefault(source, Mark(mix=JOINED, bits=1.0, channels=CONTROL, trail=mark.trail))
    return found
