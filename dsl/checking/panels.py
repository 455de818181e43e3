"""Panels: repeats whose samples take the items of a list in turn."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..diagnostics import Diagnostic
from .folding import Folding
from .origins import origins
from .program import Step
from .static_values import StaticValue
from .typed import Typed


def items_of(step: Step, folding: Folding) -> int | None:
    """Return the number of items of a panel, if the file decides it. None for any other step."""
    node = step.line.node
    if not isinstance(node, s.Repeat) or node.over is None:
        return None
    if isinstance(node.over, s.ListExpr):
        return len(node.over.items)
    found = folding.value(node.over, step.scope)
    return len(found.value) if isinstance(found, StaticValue) and isinstance(found.value, list) else None


def panel_problems(step: Step, typed: Typed) -> Iterator[Diagnostic]:
    """Report a panel without items."""
    node = step.line.node
    if not isinstance(node, s.Repeat) or node.over is None:
        return
    if items_of(step, typed.folding) == 0 and not node.most.unit:
        yield Diagnostic(
            "F0686",
            "this panel has no items, so its samples have nothing to take",
            node.over.span,
            labels=origins(node.over, step.scope, typed.folding),
            help=f"put an item into the list, or write `repeat {_count(node)} {{ … }}` without `over`",
        )


def _count(node: s.Repeat) -> str:
    return node.least.digits if node.least.digits == node.most.digits else f"{node.least.digits}..{node.most.digits}"
