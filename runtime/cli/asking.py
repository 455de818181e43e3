"""The question whether a flow may send prompts to the hosts that it names. A person at the terminal answers it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..session.hosts import Ask, Reach
from ..vocabulary.quoting import inert


def host_question() -> Ask | None:
    """Return a function that asks the person at the terminal. None without a terminal, which counts as a refusal."""
    return _ask if sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty() else None


def _ask(reaches: Sequence[Reach]) -> bool:
    print("The flow chooses these models. It would send prompts and your key to them:", file=sys.stderr)
    for reach in reaches:
        print(inert(f"  {reach.model} at {reach.host}"), file=sys.stderr)
    print("Allow this? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
