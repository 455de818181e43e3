"""The lint for a repeat of one sample: the vote has a single ballot, and a plain step does the same without a block."""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .parts import blocks


def single_repeat(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0706",
            "this repeat makes a single call",
            node.most.span,
            note="its reducer has a single answer to choose from",
            help="write the step without `repeat`, or ask 3 or 5 times",
        )
        for _, node in blocks(program)
        if isinstance(node, s.Repeat) and node.most.value == 1
    ]
