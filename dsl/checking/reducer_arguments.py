"""The arguments of a reducer, by the names of their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .. import syntax as s
from ..catalog import ParamSpec, ReducerSpec
from ..path_names import BY_ASK, SAME
from .callees import Callee

IF = "if"
"""The argument of a reducer that has the condition of a search."""

TOURNAMENTS = ("knockout", "pairs")
"""The methods of a judge that compares two candidates at a time."""


def parameters(params: tuple[ParamSpec, ...], args: tuple[s.Arg, ...]) -> list[ParamSpec | None]:
    """Return the parameter of each argument. None stands for an argument that fits no parameter."""
    known = {param.name: param for param in params}
    found = []
    for place, arg in enumerate(args):
        if arg.name is not None:
            found.append(known.get(arg.name.text))
        else:
            found.append(params[place] if place < len(params) else None)
    return found


def is_same(arg: s.Arg) -> bool:
    """Return True if an argument tells by its name how to find out whether two answers say the same."""
    return arg.name is not None and arg.name.text == SAME


def extern_number(reduce: s.Reduce) -> int:
    """Return the number of the node that may name an extern: the reducer itself, or the argument that compares."""
    return next(
        (arg.value.number for arg in reduce.args if isinstance(arg.value, s.Name) and is_same(arg)), reduce.number
    )


def named(params: tuple[ParamSpec, ...], args: tuple[s.Arg, ...]) -> list[tuple[str, s.Expr | s.Ask]]:
    """Pair each argument with the name of its parameter; leave out arguments that fit none."""
    pairs = zip(parameters(params, args), args, strict=True)
    return [(param.name, arg.value) for param, arg in pairs if param is not None]


def as_comparison(name: str, value: s.Expr | s.Ask) -> str:
    """Return the help for an argument that compares two answers."""
    if isinstance(value, s.Call):
        return f"the extern gets the two answers by itself: write `{name}: {value.function.text}`"
    return f'write `{name}: ask "Do these say the same? {{{{ a }}}} {{{{ b }}}}" -> yes | no`'


def comparing(value: s.Expr | s.Ask, own: Mapping[str, Callee], path: str, called: dict[str, Any]) -> str:
    """Return the key of the extern that compares answers, or the word for an ask that does.

    ``own`` has the externs of the file at this path. The extern is added to those that are ``called``.
    """
    if not isinstance(value, s.Name):
        return BY_ASK
    found = replace(own[value.word.text], path=path)
    called.setdefault(found.key, (found, ()))
    return found.key


def condition_of(reduce: s.Reduce) -> s.Arg | None:
    """Return the argument with the condition of a search. None if the reducer has none."""
    if reduce.ask is not None:
        return None
    return next((arg for arg in reduce.args if arg.name is not None and arg.name.text == IF), None)


def is_search(reduce: s.Reduce, spec: ReducerSpec) -> bool:
    """Return True if the reducer takes a condition, and has one."""
    return condition_of(reduce) is not None and any(one.asks is not None and one.asks.each for one in spec.params)


def is_tournament(reduce: s.Reduce) -> bool:
    """Return True if a judge of the reducer compares two candidates at a time."""
    values = (arg.value for arg in reduce.args if arg.name is not None and arg.name.text == "method")
    judged = any(isinstance(arg.value, s.Ask) for arg in reduce.args)
    return judged and any(isinstance(value, s.Name) and value.word.text in TOURNAMENTS for value in values)


def called_by(reduce: s.Reduce, callees: Mapping[int, Callee]) -> Callee | None:
    """Return the extern that combines the results of a block, or judges each of them. None if there is none."""
    arg = condition_of(reduce)
    judge = callees.get(arg.value.number) if arg is not None and isinstance(arg.value, s.Call) else None
    return judge or callees.get(extern_number(reduce))
