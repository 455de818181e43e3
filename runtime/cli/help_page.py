"""The help of the command itself. It is written without click, which takes longer to load than all the rest of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from .commands import COMMANDS

SUMMARY = "Run calls of language models side by side. A small file lists the calls and their dependencies."
ARGUMENTS = "FILE.flow | COMMAND [ARGS]…"
HELP_OPTIONS = ("-h", "--help")
VERSION = "Show the version."
WIDEST = 100
_USAGE = "Usage: flowrun "
_OPTIONS = (("--version", VERSION), (", ".join(HELP_OPTIONS), "Show this message and exit."))
_FILE = ("FILE.flow [--PARAM VALUE …]", "Run a flow; `flowrun FILE.flow --help` lists its parameters.")


def help_page(width: int) -> str:
    """Return the help in lines of at most ``width`` characters."""
    return "\n".join(
        [
            *_wrapped(f"[OPTIONS] {ARGUMENTS}", width, _USAGE, " " * len(_USAGE)),
            "",
            *_wrapped(SUMMARY, width, "  ", "  "),
            "",
            "Options:",
            *_table(_OPTIONS, width),
            "",
            "Commands:",
            *_table((_FILE, *COMMANDS.items()), width),
        ]
    )


def _wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    from textwrap import wrap  # the other commands do without it

    return wrap(text, width, initial_indent=first, subsequent_indent=rest)


def _table(rows: Iterable[tuple[str, str]], width: int) -> Iterable[str]:
    """Return the lines of a table, in which each row has a name and its explanation."""
    rows = tuple(rows)
    column = max(len(name) for name, _ in rows) + 4
    for name, text in rows:
        first, *rest = _wrapped(text, width - column) or [""]
        yield f"  {name}".ljust(column) + first
        yield from (" " * column + line for line in rest)


def page_width() -> int:
    """Return the width of help texts, as click works it out. click would load shutil and the compressions for this."""
    try:
        columns = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        columns = 0
    if columns <= 0:
        try:
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else 0
        except (OSError, ValueError):  # standard output is no terminal, or is closed
            columns = 0
    return max(min(columns or 80, WIDEST) - 2, 50)
