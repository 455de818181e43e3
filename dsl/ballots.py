"""The rule that a block ends in, and the asks that are its ballots: for a plan's bounds and for its run alike."""

from __future__ import annotations

from . import plan as p


def rule_of(reduce: p.Reduce | None) -> str | None:
    """The name of the rule that makes the value of a block; None where an ask or an extern makes it."""
    if reduce is None or reduce.ask is not None or reduce.extern is not None:
        return None
    return reduce.rule


def holds_ballots(node: p.Node, *, votes: bool, around: bool) -> bool:
    """Whether the asks of a block are ballots; a malformed ballot is discarded, any other answer is asked for again.

    ``votes`` says that the block's rule counts ballots, and ``around`` that the asks beside the block are ballots. A
    chain among them holds ballots. A called flow holds none: it promises an answer of its type wherever it is called,
    and what it returns is the ballot. A race (`first`) goes on without a result that failed, and counts no ballots.
    """
    return votes or (around and isinstance(node, p.Chain))
