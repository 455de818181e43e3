"""The tokens that a model writes before its answer. They are tokens of the answer, for `max_tokens` and on the bill."""

from __future__ import annotations

from collections.abc import Mapping

from .. import plan as p
from .bound import NOTHING, Bound


def with_reasoning(answer: Bound, settings: Mapping[str, p.Expr], longest: int | None, title: str) -> Bound:
    """Add the reasoning to the tokens of an answer. ``longest`` is the most tokens of both together, if it is known.

    A number of tokens for the reasoning is an aim, which a model may miss. So ``longest`` counts where it is known.
    """
    thoughts = _thoughts(settings.get("reasoning"), title)
    if thoughts == NOTHING:
        return answer
    if longest is not None:
        return Bound(min(answer.least, longest), longest)
    if answer.most is None or thoughts.most is None:
        return Bound(answer.least, None, answer.why or thoughts.why)
    return Bound(answer.least, answer.most + thoughts.most)


def _thoughts(asked: p.Expr | None, title: str) -> Bound:
    match asked:
        case None | p.Constant("none"):
            return NOTHING
        case p.RuleOf("tokens", {"count": p.Constant(int() as count)}):
            return Bound(0, count)
    return Bound(0, None, f"the reasoning of {title} may take any number of tokens: set `max_tokens`")
