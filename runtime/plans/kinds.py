"""The check of a plan's kinds and types. It repeats the checker's rules, because a user may have edited the plan."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite

from flowrun.dsl import UnfitError, audit_plan
from flowrun.dsl import plan as p

from ..vocabulary.errors import PlanError
from .language import language

_NAME = re.compile(r"[^\W\d]\w*")
_UNNAMED = re.compile(r"#\d{1,9}(=[A-Za-z_][A-Za-z0-9_]*)?")
_MOST_LINES = 100_000_000


def verify_kinds(plan: p.Plan) -> None:
    """Raise PlanError at the first part of a plan whose kind or type does not fit its place."""
    if "\0" in plan.source:
        raise PlanError("the file name in this plan has a character that a file name cannot have")
    _limits("the flow", plan)
    for key, flow in plan.flows.items():
        _limits(f"the flow `{key}`", flow)
    for place, name in _names(plan):
        if not _NAME.fullmatch(name):
            raise PlanError(f"{place} has the name {name!r:.60}, which the language does not allow")
    for step in plan.walk():
        if not 0 <= step.line <= _MOST_LINES:
            raise PlanError(f"the plan puts `{step.name}` on line {step.line}, and lines begin at 1")
    try:
        audit_plan(plan, language())
    except UnfitError as error:
        raise PlanError(f"`{error.place}` breaks a rule of the language: {error}") from None
    except RecursionError:
        raise PlanError("the plan is nested too deep") from None


def _limits(title: str, flow: p.Plan | p.Flow) -> None:
    calls, money = flow.calls_limit, flow.money_limit
    if calls is not None and calls < 1:
        raise PlanError(f"{title} has a budget of {calls} calls, so it can make no calls")
    if money is not None and not (isfinite(money) and money > 0):
        raise PlanError(f"{title} has a budget of ${money:g}, so it can make no calls")


def _names(plan: p.Plan) -> Iterator[tuple[str, str]]:
    """Find each name that the plan gives, except the name of a file, together with the kind of thing that it names."""
    yield "this flow", plan.flow
    for what, keys in (("a flow", plan.flows), ("an extern", plan.externs)):
        yield from ((what, p.plain_name(key)) for key in keys)
    yield from (("a model", model.name.rpartition(":")[2]) for model in plan.models)
    params = [*plan.params, *(param for flow in plan.flows.values() for param in flow.params)]
    params += [param for extern in plan.externs.values() for param in extern.params]
    yield from (("a parameter", param.name) for param in params)
    for step in plan.walk():
        if not _UNNAMED.fullmatch(step.name):
            yield "a step", step.name
        if isinstance(step.node, p.Map):
            yield from (("an element", name) for name in step.node.names)
        elif isinstance(step.node, p.Repeat) and step.node.element is not None:
            yield "an item of a panel", step.node.element
