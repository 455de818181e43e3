"""The meaning of searches, and of reducers that put results in order: by a number, by a judge, or by a tournament."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowrun.dsl import syntax as s
from flowrun.dsl import types as t

from .meaning_bodies import Bodies
from .meaning_values import Candidates, Got, Place
from .meaning_votes import Lost, Undecided
from .oracle import preference

if TYPE_CHECKING:
    from .meaning_blocks import Blocks

Json = Any
YES = t.Choice(("yes", "no"))


def condition_of(reduce: s.Reduce) -> s.Expr | s.Ask | None:
    """Return the condition of a search for the first result that passes."""
    return next((arg.value for arg in reduce.args if arg.name is not None and arg.name.text == "if"), None)


def searches(reduce: s.Reduce) -> bool:
    return any(arg.name is not None and arg.name.text in ("if", "enough") for arg in reduce.args)


def searched(reader: Blocks, node: s.Map | s.Repeat | s.Fanout, place: Place, bodies: Bodies, policy: str) -> Got:
    """Return the first result that passes, in order. Without a condition the block needs all its results."""
    condition = condition_of(node.reduce)
    if condition is None:
        return enough(reader, node, place, bodies)
    reader.spare(bodies, policy, races=True)
    if bodies.lost and "%" in policy + "." and policy.partition(" ")[2]:
        raise Undecided("a search that bears some losses, and may end before them")
    found: Got | None = None
    silent = False
    for end in bodies.ends:
        if isinstance(end, Lost) or end.value is None:
            continue
        given = {"result": end.value}
        if isinstance(condition, s.Ask):
            try:
                said = reader.ask(condition, place, {}, given, answer=YES, ballot=False, behind=end.calls)
            except Lost as lost:
                if lost.abstains is None:
                    raise Undecided("whether a judge answers") from lost
                if lost.abstains:
                    # A result without an approval does not pass.
                    continue
                # The search needs the verdict only if nothing before it passes.
                silent = silent or found is None
                continue
            passes, calls = said.value == "yes", end.calls | said.calls
        else:
            passes = reader.value(condition, Place({}, place, given={"result": Got(end.value)}))
            calls = end.calls
        if passes and found is None and not silent:
            found = Got(end.value, calls)
    if silent:
        raise Lost("no verdict came")
    if found is not None:
        return found
    abstains = {one.abstains for one in bodies.lost} | {True}
    raise Lost("none passed", abstains=abstains.pop() if len(abstains) == 1 else None)


def enough(reader: Blocks, node: s.Map | s.Repeat | s.Fanout, place: Place, bodies: Bodies) -> Got:
    """Return the first result whose number is good enough, or else the best of all."""
    args = reader.arguments(node.reduce, place)
    by, low, bar = args["by"], args.get("order") == "low", args["enough"]
    for at, end in enumerate(bodies.ends):
        if isinstance(end, Lost):
            reader.spare(bodies, "fail", races=False)
        elif end.value is not None and (end.value[by] <= bar if low else end.value[by] >= bar):
            if any(isinstance(one, Lost) for one in bodies.ends[at:]):
                raise Undecided("a search that may end before a sample fails")
            return Got(end.value, end.calls)
    there = [one.value for one in bodies.ends if isinstance(one, Got) and one.value is not None]
    if not there:
        raise reader.nothing(bodies)
    return Got(min(there, key=lambda one: one[by] if low else -one[by]), bodies.calls)


def ordered(
    reader: Blocks, reduce: s.Reduce, place: Place, bodies: Bodies, there: list[Json], args: Mapping[str, Json]
) -> Got:
    """Return the best of the results, or all of them in order."""
    ask, calls = reader.asked(reduce), bodies.calls
    if ask is not None:
        if len(there) > 1:
            # Only their calls matter: the order in which the candidates are shown is drawn by lot.
            given = {**reader.branch_names(bodies), "results": Candidates(there)}
            calls |= reader.ask(ask, place, {}, given, answer=t.ListOf(t.INT), ballot=False, behind=calls).calls
            number = len(there)
            matches = {"knockout": number - 1, "pairs": number * (number - 1) // 2}.get(str(args.get("method")), 1)
            reader.count += 2 * matches - 1
        bare = all(isinstance(one, str) and len(one.splitlines()) == 1 for one in there)
        there = sorted(there, key=lambda one: preference(one if bare else json.dumps(one, ensure_ascii=False)))
    else:
        by, low = args["by"], args.get("order") == "low"
        known = [one for one in there if one[by] is not None]
        there = [
            *sorted(known, key=lambda one: one[by] if low else -one[by]),
            *(one for one in there if one[by] is None),
        ]
    if reduce.rule.text == "rank":
        return Got(there[: args.get("top", len(there))], calls)
    if not there:
        raise reader.nothing(bodies)
    return Got(there[0], calls)
