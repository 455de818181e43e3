"""The functions of values as a catalog declares them."""

from __future__ import annotations

from collections.abc import Mapping

from .. import types as t
from ..arithmetic import MOST_CHARACTERS, NoValueError
from ..catalog import FunctionSpec, ParamSpec, outside
from ..plain_data import Json
from .function import ValueFunction

RESERVED = frozenset({"join", "length"})
"""The functions whose names no flow and no extern may have."""


def spec_of(function: ValueFunction) -> FunctionSpec:
    """Return the declaration of a function for expressions."""
    params = (
        ParamSpec(function.value, t.JSON, required=True),
        *(
            ParamSpec(arg.name, arg.type, arg.required, takes_field=arg.field, low=arg.low, high=arg.high)
            for arg in function.args
        ),
    )

    def result(given: Mapping[str, t.Type]) -> t.Type:
        args = {name: type_ for name, type_ in given.items() if name != function.value}
        return function.gives(t.unwrapped(given.get(function.value, t.UNKNOWN)), args) or t.UNKNOWN

    def known(args: Mapping[str, object]) -> object:
        # The length of a list does not depend on what its elements are.
        ready = function.marks == "length" or all(map(_data, args.values()))
        return None if not ready else _value(function, args)

    return FunctionSpec(
        function.called, params, result, function.summary, known=known, yields=function.name not in RESERVED
    )


def _value(function: ValueFunction, args: Mapping[str, Json]) -> Json:
    if any(param.required and param.name not in args for param in function.args) or function.value not in args:
        return None
    try:
        return applied(function, args)
    except NoValueError:
        return None


def applied(function: ValueFunction, args: Mapping[str, Json]) -> Json:
    """Call a function with all its arguments by name. Raises NoValueError."""
    given = {name: value for name, value in args.items() if name != function.value and value is not None}
    try:
        for arg in function.args:
            if (wanted := outside(given[arg.name], arg.low, arg.high) if arg.name in given else None) is not None:
                raise NoValueError(f"`{arg.name}` takes a number {wanted}, and this is {given[arg.name]!r:.40}")
        if function.grown is not None and function.grown(args[function.value], given) > MOST_CHARACTERS:
            what = f"it has more than {MOST_CHARACTERS:,} characters"
            raise NoValueError(f"the result of `{function.called}` is too long: {what}")
        return function.call(args[function.value], given)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise NoValueError(f"`{function.called or function.name}` has no value here: {error}") from None


def _data(value: object) -> bool:
    """Tell whether all of a value is known."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            if type(one) is not dict:
                return False
            todo.extend(one.values())
        elif isinstance(one, list):
            todo.extend(one)
        elif one is not None and not isinstance(one, str | int | float):
            return False
    return True
