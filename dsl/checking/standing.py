"""The argument `stands` of reducers: rules that do not take it, and a value that they could take."""

from __future__ import annotations

from dataclasses import replace

from .. import syntax as s
from ..catalog import ReducerSpec, Refusal
from ..diagnostics import Diagnostic, Edit, Fix


def without_stands(reduce: s.Reduce, spec: ReducerSpec, problems: list[Diagnostic]) -> s.Reduce:
    """Report `stands` for a rule whose value cannot stand, and return the reducer without it."""
    named = [arg for arg in reduce.args if arg.name is not None and arg.name.text == "stands"]
    if not named or any(param.name == "stands" for param in spec.params):
        return reduce
    why = "counts no ballots: a single result can change its value"
    if spec.votes:
        why = "does not tell which ballots could change its winner"
    help = "delete `stands`, or take a vote, such as `reduce majority(stands: 1)`"
    problems += [Diagnostic("F0521", f"`{spec.name}` {why}", arg.span, help=help) for arg in named]
    return replace(reduce, args=tuple(arg for arg in reduce.args if arg not in named))


def better_value(refusal: Refusal, value: s.Expr | s.Ask | None) -> Fix | None:
    """Return the fix that writes another value for a refused argument; None if the refusal has none."""
    if value is None or not refusal.instead:
        return None
    return Fix(f"write `{refusal.arg}: {refusal.instead}`", (Edit(value.span, refusal.instead),), safe=False)
