"""The end of rounds that never held, as `else last`, `else fail` or `else best(by: …)` writes it."""

from __future__ import annotations

from collections.abc import Callable

from .. import syntax as s
from ..source import Span

_HELP = "write `else last`, `else fail` or `else best(by: EXPR)`"


def round_end(written: s.Expr, problem: Callable[[str, str, Span, str], None]) -> tuple[s.Word | None, s.Expr | None]:
    """Return the word behind `else`, and the expression of `best`. Report anything else."""
    match written:
        case s.Name(s.Word("last" | "fail") as word):
            return word, None
        case s.Call(s.Word("best") as word, (s.Arg(s.Word("by"), by),), prefix=None) if not isinstance(by, s.Ask):
            return word, by
    if isinstance(written, s.Call) and written.function.text == "best":
        problem(
            "F0622", "`best` takes one argument: what makes a round better", written.span, "write `else best(by: EXPR)`"
        )
    else:
        problem("F0622", "this is no end of rounds that never held", written.span, _HELP)
    return None, None
