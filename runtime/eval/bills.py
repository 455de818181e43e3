"""The cost, the tokens and the time of calls: of rows, and of one sample alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..vocabulary.call_record import CallRecord
from ..vocabulary.usage import TokenDetail, Usage
from .origins import Origins

PriceOf = Callable[[str, Usage], float | None]
"""A function that works out the bill of a usage of a model in dollars; None if it is not known."""


def alone(
    origins: Origins, price: PriceOf, call: CallRecord, calls: Iterable[CallRecord]
) -> tuple[float | None, int | None]:
    """Return the cost and the tokens of a call alone: with the whole prompt, if its request shared it among samples."""
    origin = origins[call.place].request
    together = [one for one in calls if origin is not None and origins[one.place].request == origin]
    if len(together) < 2 or call.answer is None:
        return cost_of([call]), tokens_of([call])
    reads = [None if one.answer is None else one.answer.tokens.read for one in together]
    written = call.answer.tokens.written
    if None in reads or written is None:
        return None, None
    read = sum(read or 0 for read in reads)
    asked = [one.answer.tokens for one in together if one.answer is not None]
    cached, stored, images, long_stored = (
        sum(getattr(one, name) or 0 for one in asked) for name in ("cached", "stored", "images", "long_stored")
    )
    detail = TokenDetail(cached, stored, call.answer.tokens.reasoning, images, long_stored)
    return price(call.model, Usage(read, written, detail, call.answer.tier)), read + written


def answered(calls: Iterable[CallRecord]) -> int:
    return sum(bool(call.answers) for call in calls)


def cost_of(calls: Iterable[CallRecord]) -> float | None:
    return sum_known([answer.cost for call in calls for answer in call.answers])


def tokens_of(calls: Iterable[CallRecord]) -> int | None:
    used = [answer.tokens for call in calls for answer in call.answers]
    counts = sum_known([count for one in used for count in (one.read, one.written)])
    return None if counts is None else round(counts)


def sum_known(parts: Sequence[float | None]) -> float | None:
    """Return a sum; None if a part of it is not known."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def time_of(calls: Iterable[CallRecord], origins: Origins) -> int | None:
    """Return the time from the first request of a row to its last answer, None if not all came from one run."""
    found = [origins[call.place] for call in calls]
    times = [one.times for one in found]
    if not times or None in times or len({one.run for one in found}) > 1:
        return None
    return max(one[1] for one in times if one is not None) - min(one[0] for one in times if one is not None)
