"""The check for overlaps of text pieces. An overlap repeats the end of the piece before.

If the overlap is as long as a piece, the next piece has nothing new. Pieces with their surroundings have no overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .. import syntax as s
from ..diagnostics import Diagnostic, Label
from .folding import Folding
from .origins import origins
from .program import Scope


def overlap(given: Mapping[str, s.Expr | s.Ask], scope: Scope, folding: Folding) -> Iterator[Diagnostic]:
    """Report an overlap that is as long as the pieces of a text, or that stands beside `before` or `after`.

    ``given`` has the arguments by the parameters' names.
    """
    rule, repeated = given.get("by"), given.get("overlap")
    beside = next((name for name in ("before", "after") if name in given), None)
    if repeated is not None and beside is not None:
        yield Diagnostic(
            "F0303",
            f"`overlap` and `{beside}` cannot stand together",
            repeated.span,
            labels=(Label(given[beside].span, "this gives the words around each piece already"),),
            note="an overlap repeats the words in the text of the next piece; `before` and `after` keep them apart",
            help="delete one of the two",
        )
        return
    # The argument of `heading` is a level.
    sized = rule.args[0].value if isinstance(rule, s.Call) and len(rule.args) == 1 else None
    sized = None if isinstance(rule, s.Call) and rule.function.text == "heading" else sized
    if sized is None or repeated is None:
        return
    size, length = folding.number(sized, scope), folding.number(repeated, scope)
    if size is not None and length is not None and length >= size > 0:
        yield Diagnostic(
            "F0303",
            f"an overlap of {length:g} fills a whole piece of {size:g}",
            repeated.span,
            labels=(*origins(repeated, scope, folding), *origins(sized, scope, folding)),
            help="write a smaller overlap or a larger piece",
        )
