"""The names of functions in other languages, each with the way to write the same in a flow."""

from __future__ import annotations

from ..catalog import FunctionSpec

_CALLED = {
    "average": "mean",
    "avg": "mean",
    "concat": "join",
    "count": "length",
    "distinct": "dedupe",
    "dumps": "json",
    "endswith": "ends_with",
    "group_by": "group",
    "groupby": "group",
    "head": "first",
    "includes": "contains",
    "len": "length",
    "limit": "first",
    "lowercase": "lower",
    "reversed": "reverse",
    "size": "length",
    "sorted": "sort",
    "splitlines": "lines_of",
    "startswith": "starts_with",
    "strip": "trim",
    "tail": "last",
    "take": "first",
    "tojson": "json",
    "top": "rank",
    "total": "sum",
    "uniq": "unique",
    "uppercase": "upper",
}
_OTHERWISE = {
    "default": "write `value ?? default`",
    "filter": "write a map without the others: `map x in xs where … { x } reduce collect`",
    "if": "write `when … else …` behind a step, or `{% if … %}` in a template",
    "slice": "write `first(xs, n)` or `last(xs, n)`",
    "text": 'write `text "…"`, without brackets',
}


def as_call(spec: FunctionSpec, subject: str) -> str:
    """Write the call of a function on a value; `…` stands for the arguments that it also needs."""
    return f"{spec.name}({subject}{', …' if any(param.required for param in spec.params[1:]) else ''})"


def another_form(name: str) -> str:
    """Return the help for a function that does not exist; "" if the name is of no other language."""
    return _OTHERWISE.get(name) or (f"write `{_CALLED[name]}(…)`" if name in _CALLED else "")
