"""What of a plan breaks the rules of kinds and types, found by the checker that finds it in flows."""

from __future__ import annotations

from .. import plan as p
from .. import types as t
from ..catalog import Catalog, ParamSpec
from ..checking.callees import Callee, Imported
from ..checking.dependencies import depend
from ..checking.names import Step, resolve
from ..checking.typecheck import typecheck
from ..checking.typed import Typed
from ..graph import topological
from .tree import ANY, Tree
from .unfit import UnfitError

_TOO_LARGE = "F0104"
"""Of a type that is too large to write out nothing is known, and so nothing is said."""


def audit_plan(plan: p.Plan, catalog: Catalog) -> None:
    """Raises UnfitError at the first part whose kind or type the language does not allow.

    The plan's names and its order keep their rules already: whatever is mentioned is there, and nothing runs in a
    circle.
    """
    called = {
        name: {step.node.flow: None for step in p.walk_steps(flow.steps) if isinstance(step.node, p.FlowCall)}
        for name, flow in plan.flows.items()
    }
    callees: dict[tuple[str, str], Callee] = {}
    for name in topological(called)[0]:
        flow = plan.flows[name]
        params = tuple(ParamSpec(param.name, param.type, param.required) for param in flow.params)
        result = _audit(Tree(plan, flow, name, catalog), catalog, callees)
        callees["", name] = Callee(name, "flow", params, result)
    _audit(Tree(plan, plan, plan.flow, catalog), catalog, callees)


def _audit(tree: Tree, catalog: Catalog, callees: dict[tuple[str, str], Callee]) -> t.Type:
    """The type of what a flow returns."""
    file = tree.file()
    program = resolve(file)
    dependencies = depend(program)
    typed = typecheck(program, catalog, dependencies, Imported(callees, {("", ANY): t.UNKNOWN}))
    for problem in (*program.problems, *dependencies.problems, *typed.problems):
        if problem.severity == "error" and problem.code != _TOO_LARGE:
            raise UnfitError(problem.span.text, problem.message)
    for step in program.flows[0].walk():
        _told(tree.lines[id(step.line)], step, typed, tree)
    return typed.results[id(program.flows[0].decl)]


def _told(planned: p.Step, step: Step, typed: Typed, tree: Tree) -> None:
    """Hold what the plan says of a block against what was found, where the runner goes by it."""
    node = planned.node
    if not isinstance(node, p.Map | p.Repeat | p.Fanout):
        return
    reduce = node.reduce
    if step in typed.tallied and not reduce.tallied:
        raise UnfitError(
            planned.name, "the flow looks at how this vote ended, and its reducer is told that nobody does"
        )
    if reduce.ask is not None or reduce.extern is not None or not tree.catalog.reducers[reduce.rule].goes_by_type:
        return
    for inner in step.steps if isinstance(node, p.Fanout) else step.steps[-1:]:
        said, found = tree.lines[id(inner.line)], typed.steps[inner]
        if not _same(found, said.type):
            raise UnfitError(said.name, f"its value is {t.show(found)}, and is said to be {t.show(said.type)}")


def _same(found: t.Type, said: t.Type) -> bool:
    """Whether two types are one, whatever their records are called."""
    return t.fits(found, said) and t.fits(said, found) and (said != t.UNKNOWN or found == t.UNKNOWN)
