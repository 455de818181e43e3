"""The lint for a map over a list that a model writes: the model decides the number of calls, and nothing limits it."""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lengths import Lengths
from .parts import Costs, walk


def unbounded_map(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    costs = Costs(program, catalog)
    lengths = Lengths(catalog.functions, typed)
    found = []
    for flow in program.flows:
        for step in walk(flow) if flow.decl.budget is None else ():
            node = step.line.node
            if not isinstance(node, s.Map) or node.at_most is not None:
                continue
            pays = node.reduce.count is not None or any(costs.pays(inner) for inner in step.steps)
            if pays and lengths.open(node.source, step.scope):
                found.append(_finding(node))
    return found


def _finding(node: s.Map) -> Diagnostic:
    return Diagnostic(
        "F0710",
        "an answer of a model decides how many calls this map makes",
        node.source.span,
        note="the model decides the length of the list, and each element costs money",
        help=f"write the greatest number that you want to pay for, `map {node.element.text} in … at most 50 {{ … }}`, "
        "or give the flow a budget, `budget 400 calls`",
    )
