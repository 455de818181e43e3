"""Questions to the person at the terminal: whether a flow may use the hosts that it names, and whether it may begin."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from ..session.hosts import Ask, Reach
from ..vocabulary.quoting import inert


def host_question() -> Ask | None:
    """Return a function that asks the person at the terminal. None without a terminal, which counts as a refusal."""
    return None if person() is None else _ask


def person() -> Callable[[str], bool] | None:
    """Return a function that puts a question to the person at the terminal. None without a terminal."""
    return _yes if at_keyboard() else None


def at_keyboard() -> bool:
    """Tell whether a person can read questions and type answers."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _yes(question: str) -> bool:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _ask(reaches: Sequence[Reach]) -> bool:
    of_flow = [reach for reach in reaches if not reach.declared]
    if of_flow:
        print("The flow chooses these models. It would send prompts and your key to them:", file=sys.stderr)
    for reach in of_flow:
        print(inert(f"  {reach.told}"), file=sys.stderr)
    of_project = [reach for reach in reaches if reach.declared]
    if of_project:
        print("The flowrun.toml of the project declares these endpoints. Prompts would go there:", file=sys.stderr)
    for reach in of_project:
        print(inert(f"  {reach.told}"), file=sys.stderr)
    until = " It holds until the project declares others." if of_project else ""
    return _yes(f"Allow this?{until} [y/N] ")
