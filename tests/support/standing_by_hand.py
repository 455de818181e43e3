"""Votes counted plainly, and tried against all changes of some ballots. A reference for the numbers that votes tell."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from support.ballot_box import LOST
from support.counted_by_hand import in_order

Json = Any
ADAPTIVE = ("ahead", "confident", "window")
LISTS = [list(one) for size in (1, 2, 3) for one in itertools.permutations("abc", size)]


def worlds(rule: str) -> list[Json]:
    """Everything that a changed sample may bring. The answer d is one that no ballot gives."""
    match rule:
        case "weighted":
            return [None, LOST, *({"is": answer, "sure": weight} for answer in "abc" for weight in (0.0, 1.0))]
        case "approval":
            return [None, LOST, [], *(list(one) for size in (1, 2, 3) for one in itertools.combinations("abc", size))]
        case "ranked" | "borda":
            return [None, *LISTS]
        case "ahead" | "confident" | "window":
            return ["a", "b", "c", "d", None]
    return ["a", "b", "c", "d", None, LOST]


def winner(rule: str, samples: Sequence[Json], args: dict[str, Json], least: int = 0) -> str | None:
    """Return the winner of a vote over all its samples. None if the vote fails."""
    if rule in ADAPTIVE:
        name = "majority" if rule == "confident" else rule
        prefix = list(samples)[: stop(name, args, least, list(samples))]
        return winner("majority", prefix, {key: one for key, one in args.items() if key in ("at_least", "ties")})
    if rule in ("ranked", "borda"):
        return best_list(rule, [one for one in samples if one], args)
    missing = sum(one is LOST for one in samples)
    live = [one for one in samples if one is not None and one is not LOST]
    if len(live) < args.get("at_least", 1):
        return None
    votes: dict[str, Fraction] = {}
    for one in live:
        for answer in dict.fromkeys(one) if rule == "approval" else [one["is"] if rule == "weighted" else one]:
            weight = Fraction(one["sure"]) if rule == "weighted" else Fraction(1)
            votes[answer] = votes.get(answer, Fraction(0)) + weight
    if not votes or (rule == "unanimous" and (missing or len(votes) > 1)):
        return None
    # Of equal answers the one with the first ballot stands first in the table.
    leader = max(votes, key=lambda answer: votes[answer])
    lead = votes[leader] - max((count for answer, count in votes.items() if answer != leader), default=Fraction(0))
    sure = rule == "quorum" and 2 * args["votes"] > len(samples)
    if rule == "quorum" and votes[leader] < args["votes"]:
        return None
    if (missing and not sure and lead <= missing) or (args.get("ties") == "error" and not lead):
        return None
    return leader


def stop(rule: str, args: dict[str, Json], least: int, samples: list[Json]) -> int:
    """Return the number of samples that an adaptive vote looks at, with its least number of ballots."""
    enough = args.get("at_least", 1)
    for seen in range(max(1, least), len(samples)):
        ballots = sum(one is not None for one in samples[:seen])
        if (
            ballots >= enough
            and in_order(rule, args, seen, samples[:seen]) == seen
            and held(rule, args, samples[:seen])
        ):
            return seen
    return len(samples)


def held(rule: str, args: dict[str, Json], prefix: list[Json]) -> bool:
    """Tell whether the rule holds after exactly these samples: with one more it would stop at the same place."""
    return in_order(rule, args, len(prefix), [*prefix, None]) == len(prefix)


def best_list(rule: str, lists: list[list[str]], args: dict[str, Json]) -> str | None:
    if len(lists) < args.get("at_least", 1):
        return None
    named = list(dict.fromkeys(answer for one in lists for answer in one))
    if rule == "borda":
        points = {answer: sum(len(named) - 1 - one.index(answer) for one in lists if answer in one) for answer in named}
        return max(named, key=lambda answer: points[answer])
    left = named[:]
    while True:
        tops = [next((answer for answer in one if answer in left), None) for one in lists]
        count = {answer: tops.count(answer) for answer in left}
        if 2 * max(count.values()) > sum(count.values()) or len(set(count.values())) == 1:
            return max(left, key=lambda answer: count[answer])
        fewest = min(count.values())
        left.remove([answer for answer in left if count[answer] == fewest][-1])


def changes(rule: str, known: Sequence[Json], open_places: set[int], changed: int) -> Iterator[list[Json]]:
    """Return all samples that there could be: ``changed`` known ones are others, and open ones may be anything."""
    every = worlds(rule)
    seen = [place for place in range(len(known)) if place not in open_places]
    for places in itertools.combinations(seen, min(changed, len(seen))):
        free = [*places, *open_places]
        for filling in itertools.product(every, repeat=len(free)):
            made = list(known)
            for place, one in zip(free, filling, strict=True):
                made[place] = one
            yield made


def overturned(
    rule: str, known: Sequence[Json], open_places: set[int], changed: int, args: dict[str, Json], least: int = 0
) -> list[Json] | None:
    """Return samples with another outcome than the known ones, if some are changed; None if there are none."""
    outcome: set[str | None] = set()
    for made in changes(rule, known, open_places, changed):
        outcome.add(winner(rule, made, args, least))
        if len(outcome) > 1 or None in outcome:
            return made
    return None
