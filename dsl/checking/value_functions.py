"""The types of calls of the functions of values: the field that they go by, and what they take."""

from __future__ import annotations

from collections.abc import Mapping

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic
from ..fields import field_type
from ..functions.function import ValueFunction, looked_at
from ..functions.results import KEEPS_ONE, result_of
from ..picture_words import SHOW
from ..source import Span

_TEXTS = frozenset({"trim", "lower", "upper", "capitalize", "title", "replace"})


def value_type(
    function: ValueFunction, call: s.Call, given: Mapping[str, t.Type], problems: list[Diagnostic]
) -> t.Type:
    """Return the type of a call. ``given`` has the types of its arguments. Problems are added to ``problems``."""
    written = _written(function, call)
    at = written.get(function.value)
    whole = given.get(function.value, t.UNKNOWN)
    value = _there(function, whole, at, problems)
    args = {name: type_ for name, type_ in given.items() if name != function.value}
    by = written.get("by") if function.field is not None else None
    if by is not None:
        args["by"] = _field(value, by, problems)
    elif function.field is not None and function.field.required:
        args["by"] = t.UNKNOWN
    looked = looked_at(value, args)
    if at is not None and function.lacks(value, args):
        said = f"an element may be missing, and `{function.called}` needs all of them"
        if by is not None:
            said = f"the field `{_path(by)}` may be missing, and `{function.called}` needs it"
        problems.append(Diagnostic("F0306", said, (by or at).span, help=_without_missing(function)))
        return function.gives(t.ListOf(t.UNKNOWN), {**args, "by": t.UNKNOWN}) or t.UNKNOWN
    result = result_of(function, value, args, filled=at is not None and filled(at))
    if result is None and at is not None:
        problems.append(_unfit(function, whole, looked, at, by))
    elif at is not None and isinstance(whole, t.Optional):
        said = f"this value may be missing, and `{function.called}` needs one"
        problems.append(Diagnostic("F0306", said, at.span, help="write a default: `… ?? value`"))
    return result or t.UNKNOWN


def _there(function: ValueFunction, given: t.Type, at: s.Expr | None, problems: list[Diagnostic]) -> t.Type:
    """Return the type of the value that a function gets. Report a value that is no data: a model, or none."""
    if at is None:
        return t.UNKNOWN
    if given == t.NONE or t.holds_model(given) or isinstance(given, t.Quantity):
        said = f"`{function.called}` takes {function.takes}, not {t.show(given)}"
        problems.append(Diagnostic("F0301", said, at.span))
        return t.UNKNOWN
    return t.unwrapped(given)


def _unfit(function: ValueFunction, given: t.Type, looked: t.Type, at: s.Expr, by: s.Expr | None) -> Diagnostic:
    if by is None or not isinstance(looked, t.ListOf) or not isinstance(given, t.ListOf):
        message = f"`{function.called}` takes {function.takes}, not {t.show(given)}"
        if t.holds_image(given):
            return Diagnostic("F0647", f"`{function.called}` does not take images", at.span, help=SHOW)
        return Diagnostic("F0301", message, at.span, help=_help(function, given))
    message = f"`{function.called}` cannot go by `{_path(by)}`, which is {t.show(looked.item)}"
    fitting = [
        field.name
        for field in (given.item.fields if isinstance(given.item, t.Record | t.Union) else ())
        if function.gives(given, {"by": field.type}) is not None
    ]
    help = f"the fields that it can go by: {', '.join(f'`{name}`' for name in fitting[:9])}" if fitting else ""
    return Diagnostic("F0301", message, by.span, help=help)


def filled(expr: s.Expr) -> bool:
    """Tell whether an expression is a list that certainly has elements."""
    if isinstance(expr, s.Call) and expr.prefix is None and expr.args and expr.function.text in KEEPS_ONE:
        first = expr.args[0]
        return first.name is None and not isinstance(first.value, s.Ask) and filled(first.value)
    return isinstance(expr, s.ListExpr) and bool(expr.items)


def _written(function: ValueFunction, call: s.Call) -> dict[str, s.Expr]:
    """Return the arguments as they are written, by name."""
    names = [function.value, *(arg.name for arg in function.args)]
    found: dict[str, s.Expr] = {}
    for place, arg in enumerate(call.args):
        name = arg.name.text if arg.name is not None else names[place] if place < len(names) else ""
        if not isinstance(arg.value, s.Ask):
            found.setdefault(name, arg.value)
    return found


def _field(value: t.Type, field: s.Expr, problems: list[Diagnostic]) -> t.Type:
    """Return the type of the field that a function goes by. Each part of its path is checked at its own place."""
    if not isinstance(value, t.ListOf):
        return value if value == t.JSON else t.UNKNOWN
    found = value.item
    for name, span in _parts(field):
        found = field_type(found, name, span, problems)
    return found


def _parts(field: s.Expr) -> list[tuple[str, Span]]:
    match field:
        case s.Name(word):
            return [(word.text, word.span)]
        case s.Get(base, word):
            return [*_parts(base), (word.text, word.span)]
        case s.Text(string):
            return [(part, field.span) for part in string.value.split(".")]
    return []


def _path(field: s.Expr) -> str:
    return ".".join(name for name, _ in _parts(field))


def _without_missing(function: ValueFunction) -> str:
    also = "; `rank` places such elements last" if function.name == "sort" else ""
    return f"leave the others out first, by a map with `where … != none`{also}"


def _help(function: ValueFunction, given: t.Type) -> str:
    if not isinstance(given, t.ListOf):
        return ""
    if isinstance(given.item, t.Record | t.Union) and given.item.fields and function.field is not None:
        return f"name the field to use: `{function.called}(…, by: {given.item.fields[0].name})`"
    if function.name in _TEXTS:
        return f'join the list first: `{function.called}(join(…, ", "))`'
    return ""
