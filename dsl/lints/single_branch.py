"""The lint for a fan-out of one branch: nothing runs side by side, and the block only makes the flow longer to read."""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .parts import blocks


def single_branch(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0703",
            "a fanout of one branch runs nothing side by side",
            step.steps[0].span,
            note="the reducer has a single result to combine: an ask as a reducer is an extra call"
            if node.reduce.ask is not None
            else "",
            help="write the step without the fanout, or add the other branches",
        )
        for step, node in blocks(program)
        if isinstance(node, s.Fanout) and len(step.steps) == 1
    ]
