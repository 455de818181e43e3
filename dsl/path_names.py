"""The names of steps in paths, such as ``legal.ask2``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

REDUCE = "reduce"
"""The name of a block's reduction in paths."""


def step_names(steps: Iterable[tuple[str, str]]) -> list[str]:
    """Return the names of a body's steps in paths.

    Each step has its own name, "" if it has none, and the word with which it begins in the file. A step without a name
    is called by this word and its number among such steps: ``ask``, ``ask2``. Names that are taken are left out.
    """
    steps = tuple(steps)
    taken = {own for own, _ in steps if own}
    counts: Counter[str] = Counter()
    made = []
    for own, word in steps:
        name = own
        while not name or (not own and name in taken):
            counts[word] += 1
            name = word if counts[word] == 1 else f"{word}{counts[word]}"
        made.append(name)
    return made
