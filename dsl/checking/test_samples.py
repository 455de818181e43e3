"""The numbers of samples, rounds and elements in tests."""

from __future__ import annotations

from .. import syntax as s
from .test_paths import PathNode


def places_of(node: PathNode) -> int | None:
    """Return how many samples, rounds or elements a step has at most. None if the file alone does not decide it."""
    written = node.step.line.node
    if node.reduces:
        return None
    if isinstance(written, s.Repeat | s.Rounds):
        return int(written.most.value)
    if isinstance(written, s.Map):
        limit = int(written.at_most.value) if written.at_most is not None else None
        most = node.unit.typed.folding.elements(node.step)[1]
        return min((one for one in (limit, most) if one is not None), default=None)
    return None


def fewest(ask: PathNode) -> int:
    """Return how many samples an ask has at least. Numbers in its path leave a single sample of their step."""
    number = 1
    for node in ask.chain[:-1]:
        written = node.step.line.node
        inside = not (ask.reduces and ask.step is node.step)
        if isinstance(written, s.Repeat) and not node.reduces and not node.numbers and inside:
            number *= int(written.least.value)
    return number
