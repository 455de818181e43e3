"""A reducer's prompt that never mentions the results: all the calls of the block are paid for and thrown away."""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.names import Program, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .parts import Costs, blocks


def unread_results(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    costs = Costs(program, catalog)
    return [
        Diagnostic(
            "F0716",
            "this prompt is to combine the results, and mentions none of them",
            node.reduce.rule.span,
            note="the calls of the block are paid for, and the one that is to combine them never sees an answer",
            help="place them: `{% for result in results %}- {{ result }}\\n{% endfor %}`"
            + (", or the branches by their names" if isinstance(node, s.Fanout) else ""),
        )
        for step, node in blocks(program)
        if node.reduce.ask is not None
        and not _reads(step)
        and step.steps
        and any(costs.pays(inner) for inner in step.steps)
    ]


def _reads(block: Step) -> bool:
    for mention in block.mentions:
        symbol = mention.symbol
        if mention.part == "reduce" and symbol is not None and symbol.step is not None:
            if symbol.kind == "results" and symbol.step is block:
                return True
            if symbol.kind == "branch" and symbol.step.parent is block:
                return True
    return False
