"""The check for budgets that are too small: they allow fewer calls than every run of their flow makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from . import plan as p
from . import types as t
from .catalog import ReducerSpec
from .checking.program import Flow, Step
from .diagnostics import Diagnostic, Label
from .needed_calls import necessary
from .records import dataclass

if TYPE_CHECKING:
    from .bounds.amounts import Bounds
    from .checked import Checked

_WHOLE = "!"
"""The mark after a flow's name for the flow without its budget. No name of the language has this sign."""


def over_budget(files: Sequence[Checked]) -> list[Diagnostic]:
    """Report the budgets that are too small for every run.

    A budget may be too small for its own flow, or for a call that another flow makes in every run.
    """
    flows = {_key(path, flow): flow for path, file in _by_path(files) for flow in file.program.flows}
    if all(flow.decl.budget is None or flow.decl.budget.calls is None for flow in flows.values()):
        return []
    found: list[Diagnostic] = []
    told: set[str] = set()
    for path, file in _by_path(files):
        names = [flow.decl.name.text for flow in file.program.flows]
        if names:
            check = _File(file, path, names, flows)
            found += [*check.flows(told), *check.calls(told)]
    return found


def _by_path(files: Sequence[Checked]) -> Iterator[tuple[str, Checked]]:
    """Yield the files with their paths. The path of the first file, which imports the others, is empty."""
    paths = {file: path for path, file in files[0].imports.items()}
    return ((paths.get(file, ""), file) for file in files)


def _key(path: str, flow: Flow) -> str:
    return f"{path}:{flow.decl.name.text}" if path else flow.decl.name.text


class _File:
    """The budgets and the calls of one file. ``known`` has the flows of all files."""

    def __init__(self, file: Checked, path: str, names: Sequence[str], known: Mapping[str, Flow]) -> None:
        from .marked_plan import make_plan  # loaded for files with a budget

        self.path = path
        self.own = {flow.decl.name.text: flow for flow in file.program.flows}
        self.known = known
        self.reducers = file.catalog.reducers
        self.plan = make_plan(file, beside=names)
        self.needed = necessary(self.plan, self.reducers)

    def flows(self, told: set[str]) -> Iterator[Diagnostic]:
        """Report budgets that are too small for every run of their flow.

        The keys of these flows are added to ``told``.
        """
        limits = {name: flow.calls_limit for name, flow in self.plan.flows.items() if name in self.own}
        bounded = [name for name, limit in limits.items() if limit is not None]
        # Called flows keep their own budgets, so that each shortfall is reported once.
        limited = {
            name: replace(flow, calls_limit=self.plan.flows[name].calls_limit)
            for name, flow in self.needed.flows.items()
        }
        whole = {name + _WHOLE: self.needed.flows[name] for name in bounded}
        plan = replace(self.needed, flows={**limited, **whole})
        for name, bounds in zip(bounded, _each(plan, [*whole], self.reducers).inside, strict=True):
            limit, key = limits[name], _key(self.path, self.own[name])
            if limit is not None and bounds.calls.least > limit:
                told.add(key)
                yield _short(self.own[name], bounds.calls.least, limit)

    def calls(self, told: set[str]) -> Iterator[Diagnostic]:
        """Report budgets that are too small for a call that another flow makes in every run."""
        flows = self.needed.flows
        callers = [
            name
            for name in self.own
            if any(isinstance(one.node, p.FlowCall) for one in p.walk_steps(flows[name].steps))
        ]
        found = {one.title: one for one in _each(self.needed, callers, self.reducers).flows if one.title in callers}
        for name in callers:
            for call in _certain(self.own[name].steps, flows[name].steps, found[name].inside, self.reducers):
                limit = self.plan.flows[call.flow].calls_limit
                # A flow of this file has no path in the plan of the file.
                key = call.flow.partition(p.WITH_RETRIES)[0]
                key = key if ":" in key or not self.path else f"{self.path}:{key}"
                if limit is not None and call.least > limit and key not in told:
                    told.add(key)
                    yield _short(self.known[key], call.least, limit, call.step)


def _each(plan: p.Plan, names: Sequence[str], reducers: Mapping[str, ReducerSpec]) -> Bounds:
    """Return the bounds of one call of each of these flows, for any inputs."""
    from .bounds.bounds import bounds_of  # loaded for files with a budget

    # There is one input for each type. So equal calls have equal arguments and are worked out once.
    inputs: dict[t.Type, str] = {}
    steps = []
    for name in names:
        flow = plan.flows[name]
        args: dict[str, p.Expr] = {
            param.name: p.Ref(inputs.setdefault(param.type, f"?{len(inputs)}")) for param in flow.params
        }
        steps.append(p.Step(name, (), p.FlowCall(name, args), flow.type))
    params = tuple(p.Param(name, type_, None, True) for type_, name in inputs.items())
    whole = replace(plan, params=params, steps=tuple(steps), result=p.Constant(None))
    return bounds_of(whole, reducers)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of a flow, and the least number of model calls in it."""

    step: Step
    flow: str
    least: float


def _certain(
    steps: Sequence[Step], planned: Sequence[p.Step], bounds: Sequence[Bounds], reducers: Mapping[str, ReducerSpec]
) -> Iterator[_Call]:
    """Yield the calls of flows that every run makes, and whose failure makes the calling flow fail."""
    todo = list(zip(steps, planned, bounds, strict=False))
    while todo:
        step, plan, row = todo.pop()
        if plan.when is not None:
            continue
        if isinstance(plan.node, p.FlowCall):
            yield _Call(step, plan.node.flow, row.calls.least)
        elif plan.block is not None and _needs_all(plan, row, reducers):
            todo += zip(step.steps, plan.block.steps, row.inside, strict=False)


def _needs_all(step: p.Step, row: Bounds, reducers: Mapping[str, ReducerSpec]) -> bool:
    """Return True if a block certainly fails when a step inside it fails.

    Such a block never goes on without a failed step, and its body runs at least once.
    """
    match step.node:
        case p.Chain() | p.Rounds():
            return True
        case p.Map() | p.Fanout():
            errors = step.options.get("errors", p.Constant("fail"))
            if not row.elements or errors != p.Constant("fail"):
                return False
    if not isinstance(step.node, (p.Fanout, p.Map, p.Repeat)):
        return False
    reduce = step.node.reduce
    rule = reducers.get(reduce.rule) if reduce.ask is None and reduce.extern is None else None
    return rule is None or not rule.spares


def _short(flow: Flow, least: float, limit: int, call: Step | None = None) -> Diagnostic:
    """Report a budget that is too small.

    ``call`` is the step that needs this many calls, if other calls of the flow need fewer.
    """
    budget = flow.decl.budget
    assert budget is not None and budget.calls is not None
    what = "this flow makes" if call is None else "a call of this flow makes"
    calls = f"{least:,.0f} call{'' if least == 1 else 's'}"
    return Diagnostic(
        "F0365",
        f"{what} at least {calls}, and its budget allows {limit:,}",
        budget.calls.span,
        labels=() if call is None else (Label(call.line.node.span, f"{calls} at least"),),
        note="the flow pays for the allowed calls, and then it fails",
        help=f"write `budget {least:.0f} calls` or more, or make fewer calls",
    )
