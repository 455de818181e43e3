"""The audit of a plan. The checker for flows finds the parts of the plan whose kind or type breaks the rules."""

from __future__ import annotations

from .. import plan as p
from .. import types as t
from ..catalog import Catalog, ParamSpec
from ..checking.callees import Callee, Imported
from ..checking.dependencies import depend
from ..checking.endpoints import check_endpoints
from ..checking.names import resolve
from ..checking.program import Step
from ..checking.typecheck import typecheck
from ..checking.typed import Typed
from ..graph import topological
from ..labels.fences import with_fences
from ..labels.labels import labels_of
from ..plan_labels import label_table
from .errors import UnfitError
from .tree import ANY, Tree, flow_word

_TOO_LARGE = "F0104"
"""The code of a type that is too large to write out. Nothing is known of such a type, so nothing is reported."""


def audit_plan(plan: p.Plan, catalog: Catalog) -> None:
    """Raise UnfitError at the first part whose kind or type the language does not allow.

    The caller has checked the plan's names and order already: every mentioned name exists, and no steps wait for each
    other in a circle.
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
        callees["", flow_word(name, catalog)] = Callee(name, "flow", params, result)
    _audit(Tree(plan, plan, plan.flow, catalog), catalog, callees)
    _labels(plan, catalog)


def _labels(plan: p.Plan, catalog: Catalog) -> None:
    """Refuse a plan whose labels were edited, or in which untrusted text reaches a trusted place."""
    found = label_table(plan)
    for name in dict.fromkeys([*plan.labels, *found]):
        if (said := plan.labels.get(name, "")) != found.get(name, ""):
            lost = f"has lost its label `{said}`" if name not in found else "has a label that the plan does not list"
            raise UnfitError(plan.flow, f"`{name}` {lost}")
    labels = labels_of(plan, catalog)
    for breach in labels.breaches:
        way = " → ".join(breach.trail)
        raise UnfitError(breach.step or breach.flow or plan.flow, f"untrusted text reaches a trusted place: {way}")
    if with_fences(plan, labels) != plan:
        raise UnfitError(plan.flow, "the marks around foreign text in its prompts were edited")


def _audit(tree: Tree, catalog: Catalog, callees: dict[tuple[str, str], Callee]) -> t.Type:
    """Audit one flow and return the type of its result."""
    file = tree.file()
    program = resolve(file)
    dependencies = depend(program)
    typed = typecheck(program, catalog, dependencies, Imported(callees, {("", ANY): t.UNKNOWN}))
    problems = check_endpoints(file, catalog) if file.endpoints else []
    for problem in (*problems, *program.problems, *dependencies.problems, *typed.problems):
        if problem.severity == "error" and problem.code != _TOO_LARGE:
            raise UnfitError(problem.span.text, problem.message)
    for step in program.flows[0].walk():
        _told(tree.planned[step.line.number], step, typed, tree)
    return typed.nodes.results[program.flows[0].decl.number]


def _told(planned: p.Step, step: Step, typed: Typed, tree: Tree) -> None:
    """Compare the plan's statements about a block with the checker's results, where the runner relies on them."""
    node = planned.node
    if not isinstance(node, p.Map | p.Repeat | p.Fanout):
        return
    reduce = node.reduce
    if step in typed.tallied and not reduce.tallied:
        raise UnfitError(
            planned.name, "the flow reads the outcome of this vote, and the plan says that no step reads it"
        )
    if reduce.ask is not None or reduce.extern is not None or not tree.catalog.reducers[reduce.rule].goes_by_type:
        return
    for inner in step.steps if isinstance(node, p.Fanout) else step.steps[-1:]:
        said, found = tree.planned[inner.line.number], typed.steps[inner]
        if not _same(t.planned(found), said.type):
            raise UnfitError(said.name, f"its value is {t.show(found)}, and the plan says {t.show(said.type)}")


def _same(found: t.Type, said: t.Type) -> bool:
    """Return True if two types are the same, whatever the names of their records."""
    return t.fits(found, said) and t.fits(said, found) and (said != t.UNKNOWN or found == t.UNKNOWN)
