"""The reducer that ends a block, and the asks that are its ballots: for a plan's bounds and for its run alike."""

from __future__ import annotations

from . import plan as p


def rule_of(reduce: p.Reduce | None) -> str | None:
    """Return the name of the reducer of a block; None if an ask or an extern makes the value."""
    if reduce is None or reduce.ask is not None or reduce.extern is not None:
        return None
    return reduce.rule


def holds_ballots(node: p.Node, *, votes: bool, around: bool) -> bool:
    """Return True if the asks of a block are ballots.

    A malformed ballot is discarded; any other answer is asked for again.

    ``votes`` says that the block's reducer counts ballots, and ``around`` that the asks beside the block are ballots. A
    chain among ballots holds ballots. A called flow holds none: it promises an answer of its type wherever it is
    called, and the value that it returns is the ballot. A race (`first`) goes on without a failed result, and counts no
    ballots.
    """
    return votes or (around and isinstance(node, p.Chain))
