"""The table of functions on the page about the language."""

from __future__ import annotations

from . import VALUE_FUNCTIONS
from .function import Arg, ValueFunction

_HEAD = "| in expressions | in templates | gives | example |\n|---|---|---|---|"


def functions_table() -> str:
    """Return the table of all functions of values, as Markdown."""
    rows = [VALUE_FUNCTIONS[name] for name in sorted(VALUE_FUNCTIONS)]
    return "\n".join([_HEAD, *map(_row, rows)])


def _row(function: ValueFunction) -> str:
    call = f"`{function.called}({', '.join([function.value, *map(_form, function.args)])})`"
    if not function.called:
        call = "`value ?? other`"
    filter = f"`{function.name}`"
    if function.args:
        filter = f"`{function.name}({', '.join(map(_form, function.args))})`"
    left, right = function.example
    return "| " + " | ".join(_cell(one) for one in (call, filter, function.summary, f"`{left}` is `{right}`")) + " |"


def _form(arg: Arg) -> str:
    return arg.name if arg.required else f"{arg.name}?"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
