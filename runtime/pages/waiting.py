"""The times at which attempts waited. The journal has the length of each cause of waiting, and not its beginning."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from ..vocabulary.call_record import CallRecord
from ..vocabulary.waits import Cause

Wait = tuple[str, int, int]
"""The cause, the beginning and the end, in milliseconds since the run began."""
_PAUSES = (Cause.RETRY_AFTER, Cause.OUTAGE)


class Failures:
    """The ends of failed attempts at each provider, in their order. A server asks for a pause only at such a time."""

    def __init__(self, calls: Iterable[CallRecord]) -> None:
        found: dict[str, set[int]] = {}
        for call in calls:
            for one in call.attempts:
                if one.end in ("refused", "doubtful") and one.ended is not None:
                    found.setdefault(_provider(call.model), set()).add(one.ended)
        self._ends = {name: sorted(ends) for name, ends in found.items()}

    def at(self, model: str) -> Sequence[int]:
        return self._ends.get(_provider(model), ())


def waits_before(began: int, waited: Mapping[str, int], failures: Sequence[int]) -> tuple[Wait, ...]:
    """Return the waits before an attempt. The last one ends where the attempt was sent.

    ``failures`` are the ends of failed attempts at its provider. A pause that the server asked for begins at the last
    failure that leaves room for it, and the other causes hold before and behind it.
    """
    pauses = [(cause, length) for cause, length in waited.items() if cause in _PAUSES]
    others = [(cause, length) for cause, length in waited.items() if cause not in _PAUSES]
    if not pauses or not others:
        return tuple(_in_turn(began - sum(waited.values()), waited.items()))
    first, paused = began - sum(waited.values()), sum(length for _, length in pauses)
    last = bisect_right(failures, began - paused)
    # Without a known failure the pause stands right before the request, because something was sent before it.
    at = max(failures[last - 1], first) if last else began - paused
    early = at - first
    before, behind = [], []
    for cause, length in others:
        taken = min(length, early)
        early -= taken
        before.append((cause, taken))
        behind.append((cause, length - taken))
    return tuple(_in_turn(first, [*before, *pauses, *behind]))


def _in_turn(at: int, parts: Iterable[tuple[str, int]]) -> Iterable[Wait]:
    for cause, length in parts:
        if length:
            yield cause, at, at + length
            at += length


def _provider(model: str) -> str:
    return model.partition(":")[0]
