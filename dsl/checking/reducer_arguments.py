"""What a reducer is given: its arguments by name, and the number of results, as far as the file tells."""

from __future__ import annotations

from collections.abc import Collection

from .. import syntax as s
from .. import types as t
from ..catalog import Given, ParamSpec
from .names import Step


def numbers(step: Step, node: s.Node) -> Given:
    """How many results there are, where the file says so."""
    match node:
        case s.Repeat(least, most):
            return Given(t.UNKNOWN, int(least.value), int(most.value))
        case s.Fanout():
            return Given(t.UNKNOWN, None, len(step.steps))
        case s.Map(_, s.ListExpr(items)):
            return Given(t.UNKNOWN, None, len(items))
        case s.Map(at_most=s.Number() as most):
            return Given(t.UNKNOWN, None, int(most.value))
    return Given(t.UNKNOWN)


def parameters(params: tuple[ParamSpec, ...], args: tuple[s.Arg, ...]) -> list[ParamSpec | None]:
    """The parameter of each argument; None where there is none."""
    known = {param.name: param for param in params}
    found = []
    for place, arg in enumerate(args):
        if arg.name is not None:
            found.append(known.get(arg.name.text))
        else:
            found.append(params[place] if place < len(params) else None)
    return found


def named(params: tuple[ParamSpec, ...], args: tuple[s.Arg, ...]) -> list[tuple[str, s.Expr | s.Ask]]:
    """The arguments by the names of their parameters."""
    pairs = zip(parameters(params, args), args, strict=True)
    return [(param.name, arg.value) for param, arg in pairs if param is not None]


def written(value: s.Expr | s.Ask, words: Collection[int]) -> object:
    """The value of an argument that is written out; None where the run decides it."""
    match value:
        case s.Number():
            return value.value / 100 if value.unit == "%" else value.value
        case s.Text(string):
            return string.value
        case s.Name(word) if id(value) in words:
            return word.text
    return None
