"""The reducer of a block, and the test whether its asks are ballots. The bounds of a plan and a run both use them."""

from __future__ import annotations

from . import plan as p


def rule_of(reduce: p.Reduce | None) -> str | None:
    """Return the name of the reducer of a block; None if an ask or an extern makes the value."""
    if reduce is None or reduce.ask is not None or reduce.extern is not None:
        return None
    return reduce.rule


def holds_ballots(node: p.Node, *, votes: bool, around: bool) -> bool:
    """Return True if the asks of a block are ballots.

    If a ballot is malformed, it is discarded. If any other answer is malformed, the call is repeated.

    ``votes`` says that the block's reducer counts ballots. ``around`` says that the asks beside the block are ballots.
    A chain, a match or a cascade among ballots holds ballots. A called flow holds none, because it returns an answer
    of its type wherever it is called; the value that it returns is the ballot. A race (`first`) goes on without a
    failed result and counts no ballots.
    """
    return votes or (around and isinstance(node, p.Chain | p.Match | p.Rounds | p.Cascade))
