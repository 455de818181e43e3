"""A fan-out of one branch runs nothing side by side."""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..diagnostics import Diagnostic
from ..names import Program
from ..typecheck import Typed


def single_branch(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0703",
            "a fanout of one branch runs nothing side by side",
            step.steps[0].span,
            help="write the step without the fanout, or add the other branches",
        )
        for flow in program.flows
        for step in flow.walk()
        if isinstance(step.line.node, s.Fanout) and len(step.steps) == 1
    ]
