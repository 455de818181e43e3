"""The end of a block with its reducer: the reducer's calls, the list that the block makes, and its failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .. import plan as p
from .bound import Bound
from .expression_sizes import SizeScope
from .loads import Loads, loads_of, together
from .losses import shorter
from .reduction_bounds import combined
from .rounds import Rounds, all_of
from .sizes import Size
from .survey import BlockBounds, BodyBounds, Done, FeedRounds, Survey


def ended(
    survey: Survey,
    step: p.Step,
    reduce: p.Reduce,
    parts: BlockBounds,
    scope: SizeScope,
    given: dict[str, Size],
    sharing: bool,
) -> Done:
    """Return the bounds of a whole block. Its rounds include those in which a call waits for a free place."""
    done = combined(survey, step, reduce, parts, scope, given, sharing)
    rounds = done.rounds.loaded(_loads(survey, reduce, SizeScope(scope, given), parts, done, sharing))
    return replace(done, rounds=rounds, bounds=replace(done.bounds, rounds=rounds.queued(done.bounds.calls)))


def _loads(survey: Survey, reduce: p.Reduce, scope: SizeScope, parts: BlockBounds, done: Done, sharing: bool) -> Loads:
    most, before = done.amounts.calls.most, parts.amounts.calls.most
    calls = Bound(0, None if most is None or before is None else most - before, done.amounts.calls.why)
    widths = {} if sharing else survey.widths
    return together(
        loads_of(ask, reduce.options, survey.models, scope, survey.world, widths, calls) for ask in reduce.asks
    )


def feed_of(
    reduce: p.Reduce, bodies: Sequence[BodyBounds], *, sure: bool, steady: bool, fails: bool
) -> FeedRounds | None:
    """Return the list that a block gives out element by element. None if the block makes no such list.

    A map may take these elements before the block ends. The rounds of the list are those until its first element: the
    end of the first body, or, for `flatten`, the first item of that body's list. ``sure`` says that the block has a
    body. ``fails`` says that a failed body ends the block, so that no items have to be taken back.
    """
    if reduce.ask is not None or reduce.extern is not None or reduce.rule not in ("collect", "flatten"):
        return None
    flat = reduce.rule == "flatten"
    first = [body.feed.rounds if flat and fails and body.feed is not None else shorter(body) for body in bodies]
    if not sure:
        return FeedRounds(Rounds())
    return FeedRounds(replace(all_of(first, certain=False), loads={}), steady and not flat)
