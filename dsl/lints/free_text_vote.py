"""The lint for a vote on free text: hardly two answers are equal, so the first wins and the others are wasted."""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .parts import votes


def free_text_vote(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0704",
            "this vote counts free texts, and two free texts are almost never equal",
            value.line.span,
            note="each answer then has a single vote, and only the first answer is used",
            help='give the answer a type, `-> YES | NO`, or combine the texts with `reduce ask "…"`',
        )
        for step, node in votes(program, catalog)
        for value in (step.steps if isinstance(node, s.Fanout) else step.steps[-1:])
        if t.unwrapped(typed.steps.get(value, t.UNKNOWN)) in (t.TEXT, t.DOCUMENT)
    ]
