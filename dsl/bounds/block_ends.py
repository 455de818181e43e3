"""A block with its reducer behind it: the loads of what the reducer asks, the list that it makes, and how it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .. import plan as p
from .expression_sizes import Scope
from .loads import Loads, loads_of, together
from .losses import shorter
from .reduction_bounds import combined
from .rounds import Rounds, all_of
from .sizes import Bound, Size
from .survey import Body, Done, Feed, Parts, Survey


def ended(
    survey: Survey, step: p.Step, reduce: p.Reduce, parts: Parts, scope: Scope, given: dict[str, Size], sharing: bool
) -> Done:
    """What the block takes in all. Its row tells the rounds with those in which a call waits for a place."""
    done = combined(survey, step, reduce, parts, scope, given, sharing)
    rounds = done.rounds.loaded(_loads(survey, reduce, Scope(scope, given), parts, done, sharing))
    return replace(done, rounds=rounds, bounds=replace(done.bounds, rounds=rounds.queued(done.bounds.calls)))


def _loads(survey: Survey, reduce: p.Reduce, scope: Scope, parts: Parts, done: Done, sharing: bool) -> Loads:
    most, before = done.amounts.calls.most, parts.amounts.calls.most
    calls = Bound(0, None if most is None or before is None else most - before, done.amounts.calls.why)
    widths = {} if sharing else survey.widths
    return together(
        loads_of(ask, reduce.options, survey.models, scope, survey.world, widths, calls) for ask in reduce.asks
    )


def feed_of(reduce: p.Reduce, bodies: Sequence[Body], *, sure: bool, steady: bool, fails: bool) -> Feed | None:
    """The list that a block makes one by one, with the rounds to the end of its first body or to that one's first item.

    ``sure`` says that there is a body, and ``fails`` that one which fails ends the block: what is told of it before
    then need not be taken back.
    """
    if reduce.ask is not None or reduce.extern is not None or reduce.rule not in ("collect", "flatten"):
        return None
    flat = reduce.rule == "flatten"
    first = [body.feed.rounds if flat and fails and body.feed is not None else shorter(body) for body in bodies]
    if not sure:
        return Feed(Rounds())
    return Feed(replace(all_of(first, certain=False), loads={}), steady and not flat)
