"""The names in the condition at the end of a round."""

from __future__ import annotations

from collections.abc import Sequence

from .. import syntax as s
from ..diagnostics import Diagnostic
from .program import Mention, Step


def round_names(step: Step, node: s.Rounds, about: Sequence[Mention], mentions: Sequence[Mention]) -> list[Diagnostic]:
    """Report `last` at the end of a round, and a condition that mentions nothing of its round.

    ``about`` are the mentions in the condition, ``mentions`` all those at the end of a round.
    """
    problems = [
        Diagnostic(
            "F0624",
            "the end of a round does not see `last`",
            mention.span,
            note="`last` is the value of the round before; the condition sees the steps of its own round",
            help="compare the two in a step of the round, and mention that step here",
        )
        for mention in mentions
        if mention.name == "last" and (mention.symbol is None or mention.symbol.kind == "last")
    ]
    if not problems and all(one.symbol is not None for one in about) and (found := blind(step, node, about)):
        problems.append(found)
    return problems


def blind(step: Step, node: s.Rounds, about: Sequence[Mention]) -> Diagnostic | None:
    """Report a condition that mentions nothing of its round. Its words and constants are mentions without a symbol."""
    if any(one.symbol is not None and one.symbol.step in step.steps for one in about):
        return None
    known = ", ".join(f"`{inner.title}`" for inner in step.steps if inner.symbol is not None)
    return Diagnostic(
        "F0621",
        "this condition mentions nothing of the round",
        node.until.span,
        note="so it is the same after each round: the rounds end after the first, or never",
        help=f"mention a step of the round: {known}" if known else "give the steps of the round names",
    )


def mentions_until(step: Step, node: s.Rounds) -> list[Mention]:
    """Return the mentions in the condition of rounds."""
    until = node.until.span
    here = [one for one in step.mentions if one.span.source is until.source]
    return [one for one in here if until.start <= one.span.start < until.end]
