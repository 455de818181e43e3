"""The names that a part of a plan mentions, in the order of reading. Each name comes once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .. import plan as p
from ..catalog import FunctionSpec
from ..templates.read import template_names

Functions = Mapping[str, FunctionSpec]


def names_in(exprs: Iterable[p.Expr | None], functions: Functions) -> tuple[str, ...]:
    """Return the names in expressions. None stands for a missing clause, which has no names."""
    return tuple(dict.fromkeys(_names(exprs, functions)))


def names_in_ask(ask: p.Ask, functions: Functions) -> tuple[str, ...]:
    prompts = (name for message in ask.messages for name in template_names(message.template) if name not in ask.given)
    found = dict.fromkeys([*_names([ask.model, *ask.values], functions), *prompts])
    if ask.check is not None:
        found |= dict.fromkeys(one for one in _names([ask.check.condition], functions) if one not in ask.check.names)
    return tuple(found)


def _names(exprs: Iterable[p.Expr | None], functions: Functions) -> Iterator[str]:
    for expr in p.walk_exprs(one for one in exprs if one is not None):
        match expr:
            case p.Ref(name):
                yield name
            case p.TextOf(template):
                yield from template_names(template)
            case p.CallOf(function, args) if function in functions and functions[function].of_step:
                # The argument is the step itself, and so its name.
                yield from (str(arg.value) for arg in args.values() if isinstance(arg, p.Constant))
