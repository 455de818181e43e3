"""The lint for a map whose body never mentions its element: it pays for the same call again and again."""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .parts import Costs, blocks, mentions


def unused_element(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    # A `where` is no part of the body: its mentions are the map's own.
    used = {
        mention.symbol.step
        for flow in program.flows
        for mention in mentions(flow)
        if mention.symbol and mention.symbol.kind == "element" and mention.step is not mention.symbol.step
    }
    costs = Costs(program, catalog)
    found = []
    for step, node in blocks(program):
        if isinstance(node, s.Map) and step.steps and step not in used:
            name = node.element.text
            pays = any(costs.pays(inner) for inner in step.steps)
            found.append(
                Diagnostic(
                    "F0702",
                    f"the body never mentions `{name}`: each {'call' if pays else 'value'} is the same",
                    node.element.span,
                    note="the flow pays for the same prompt once for each element" if pays else "",
                    help=f"insert it in the prompt, `{{{{ {name} }}}}`; to send the same prompt N times write "
                    f"`repeat N`"
                    if pays
                    else f"mention `{name}` in the body",
                )
            )
    return found
