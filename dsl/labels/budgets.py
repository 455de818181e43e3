"""Budgets that can run out: an element that makes many calls then takes those of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace

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


def spenders(places: Iterable[Place]) -> Reach:
    """Return the marks of the sources whose elements can change the number or the cost of calls."""
    found: dict[str, Mark] = {}
    for place in places:
        for reach in place.sending if place.kind in _REQUESTS else ():
            for source, mark in reach.items():
                found.setdefault(source, Mark(mix=JOINED, bits=1.0, channels=CONTROL, trail=mark.trail))
    return found
