"""A plain count of votes by their rules, as a reference for the reducers."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

from flowrun.runtime.reducers.majority import leading

Json = Any


def first_most(weights: dict[str, Any]) -> str:
    return max(weights, key=lambda answer: weights[answer])


def full(rule: str, ballots: list[Json], args: dict[str, Json]) -> tuple[str, Json]:
    """Count all ballots plainly: return "value" and the value, or "error" and None."""
    live = [one for one in ballots if one is not None]
    if len(live) < args.get("at_least", 1):
        return "error", None
    weights: dict[str, Any] = {}
    for one in live:
        answer, weight = (one["is"], Fraction(one["sure"])) if rule == "weighted" else (one, 1)
        weights[answer] = weights.get(answer, 0) + weight
    winner = first_most(weights)
    tied = list(weights.values()).count(weights[winner]) > 1
    if rule == "quorum" and weights[winner] < args["votes"]:
        return "error", None
    if rule == "unanimous" and len(weights) > 1:
        return "error", None
    if args.get("ties") == "error" and tied:
        return "error", None
    if rule == "weighted":
        return "value", next(one for one in live if one["is"] == winner)
    return "value", winner


def in_order(rule: str, args: dict[str, Json], least: int, ballots: list[Json]) -> int:
    """Return the number of samples after which a rule stops, as its paper defines it, if they come one by one."""
    for seen in range(1, len(ballots) + 1):
        if seen < least:
            continue
        counts = sorted(Counter(one for one in ballots[:seen] if one is not None).values(), reverse=True)
        first, second = (*counts, 0, 0)[:2]
        if not first:
            continue
        last = ballots[seen - args["width"] : seen] if rule == "window" and seen >= args["width"] else [None]
        sure = {
            "majority": leading(first, second) >= args.get("confidence", 0.95),
            "ahead": first - second >= args.get("lead", 0),
            "window": seen % args.get("width", 1) == 0 and len(set(last)) == 1 and last[0] is not None,
        }
        if sure[rule]:
            return seen
    return len(ballots)
