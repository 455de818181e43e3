"""The check for overlaps of text pieces that are too large. An overlap repeats the end of the piece before.

If the overlap is as long as a piece, the next piece has nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .. import syntax as s
from ..diagnostics import Diagnostic
from .folding import Folding
from .origins import origins
from .program import Scope


def overlap(given: Mapping[str, s.Expr | s.Ask], scope: Scope, folding: Folding) -> Iterator[Diagnostic]:
    """Report an overlap that is as long as the pieces of a text.

    ``given`` has the arguments by the parameters' names.
    """
    rule, repeated = given.get("by"), given.get("overlap")
    sized = rule.args[0].value if isinstance(rule, s.Call) and len(rule.args) == 1 else None
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
