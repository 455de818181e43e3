"""Panels: repeats whose samples take the items of a list in turn."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..diagnostics import Diagnostic, Label
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
    """Report a panel without items, and a panel with items that no sample ever takes."""
    node = step.line.node
    if not isinstance(node, s.Repeat) or node.over is None:
        return
    count, most = items_of(step, typed.folding), node.most.value
    if count is None or node.most.unit:
        return
    if not count:
        yield Diagnostic(
            "F0686",
            "this panel has no items, so its samples have nothing to take",
            node.over.span,
            labels=origins(node.over, step.scope, typed.folding),
            help=f"put an item into the list, or write `repeat {_count(node)} {{ … }}` without `over`",
        )
    elif count > most >= 1:
        left = count - int(most)
        yield Diagnostic(
            "F0764",
            f"{left} of these {count} items never {'gets' if left == 1 else 'get'} a sample",
            node.over.span,
            labels=(
                Label(node.most.span, f"at most {most} {'sample' if most == 1 else 'samples'}"),
                *origins(node.over, step.scope, typed.folding),
            ),
            note=f"sample after sample takes the next item, so {most} samples take the first {most} of {count}",
            help=f"write `repeat {_least(node)}{count}`, or delete items",
        )


def _least(node: s.Repeat) -> str:
    return "" if node.least.digits == node.most.digits else f"{node.least.digits}.."


def _count(node: s.Repeat) -> str:
    return node.least.digits if node.least.digits == node.most.digits else f"{node.least.digits}..{node.most.digits}"
