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
    return _yes if sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty() else None


def _yes(question: str) -> bool:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _ask(reaches: Sequence[Reach]) -> bool:
    print("The flow chooses these models. It would send prompts and your key to them:", file=sys.stderr)
    for reach in reaches:
        print(inert(f"  {reach.model} at {reach.host}{reach.told}"), file=sys.stderr)
    return _yes("Allow this? [y/N] ")
