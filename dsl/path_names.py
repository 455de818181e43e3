"""The names of steps in paths, such as ``legal.ask2``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .patterns import pattern

REDUCE = "reduce"
"""The name of a block's reduction in paths."""
ANSWER = "answer"
"""The name of the answer in a check, where no other value has this name."""
RESULT = "result"
"""The name of the result that the condition of a search is about."""

SAME = "same"
"""The argument of a vote that tells whether two answers say the same."""
COMPARED = ("a", "b")
"""The names of the two answers in an ask that compares them."""
BY_ASK = "ask"
"""The word of a plan for a vote whose answers an ask compares. No extern has this name."""

NOT_IN_NAMES = pattern(r"[^A-Za-z0-9_]+")


def branch_names(classes: Iterable[str]) -> list[str]:
    """Return the names of a match's branches in paths: the classes, with `_` for what no name may have."""
    made: list[str] = []
    for word in classes:
        name = NOT_IN_NAMES.sub("_", word).strip("_")
        name = f"_{name}" if not name or name[0].isdigit() else name
        number = 1
        while name in made:
            number += 1
            name = f"{name.rstrip('0123456789')}{number}"
        made.append(name)
    return made


def branch_step(number: int, name: str) -> str:
    """Return the name of a branch in a plan. No step can mention such a name."""
    return f"#{number}={name}"


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
