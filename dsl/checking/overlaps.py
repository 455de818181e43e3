"""Pieces of a text that repeat the end of the piece before, and an overlap that leaves nothing new in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .. import syntax as s
from ..diagnostics import Diagnostic
from .folding import Folding
from .names import Scope
from .origins import origins


def overlap(given: Mapping[str, s.Expr | s.Ask], scope: Scope, folding: Folding) -> Iterator[Diagnostic]:
    """What is wrong with the overlap of a function that cuts, given its arguments by the parameters' names."""
    rule, repeated = given.get("by"), given.get("overlap")
    sized = rule.args[0].value if isinstance(rule, s.Call) and len(rule.args) == 1 else None
    if sized is None or repeated is None:
        return
    size, length = folding.number(sized, scope), folding.number(repeated, scope)
    if size is not None and length is not None and length >= size > 0:
        yield Diagnostic(
            "F0303",
            f"an overlap of {length:g} leaves nothing new in a piece of {size:g}",
            repeated.span,
            labels=(*origins(repeated, scope, folding), *origins(sized, scope, folding)),
            help="write a smaller overlap, or larger pieces",
        )
