"""The critical path of a run, and its time by cause: the pieces of time that together make the whole run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from flowrun.dsl import dataclass

from ..vocabulary.call_record import CallRecord
from ..vocabulary.run_record import RunRecord, StretchRecord
from .call_order import CallOrder, TimedCall

SERVER = "server"
"""An attempt whose answer was used, from its sending to its end."""
RETRIES = "retries"
"""An attempt that failed, and the time behind it whose cause the journal does not know."""
OWN = "own"
"""No call of the path was under way or kept back: flowrun read files, computed values, or waited for externs."""
NOBODY = -1
_PAID_FOR = ("answered", "cancelled", "open", "unsent")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of time, in milliseconds since the run began.

    ``cause`` is a word of ``waits.Cause``, or ``server``, ``retries`` or ``own``. ``call`` is the place of its call in
    the record, -1 if it has none.
    """

    began: int
    ended: int
    cause: str
    call: int = NOBODY


def stretches_of(record: RunRecord) -> list[tuple[int, int]]:
    """Return the parts of a run, from a beginning or a resume to its end.

    The last known time of an attempt ends a part that was killed, or that still goes on.
    """
    known = sorted(record.stretches, key=lambda one: one.began) or [StretchRecord(0, _length(record))]
    found: list[tuple[int, int]] = []
    for number, one in enumerate(known):
        next_began = known[number + 1].began if number + 1 < len(known) else None
        latest = max(_times(record.calls, one.began, next_began), default=one.began)
        end = latest if one.ended is None else one.ended
        if next_began is None:
            # A clock that was set back must not make a part shorter than its calls.
            end = max(end, latest)
        found.append((one.began, max(one.began, end if next_began is None else min(end, next_began))))
    return found


def critical_path(order: CallOrder, stretches: Iterable[tuple[int, int]]) -> list[Piece]:
    """Return the pieces of the critical path in their order. Together they fill the stretches and leave no gap."""
    parts = list(stretches)
    if not parts:
        return []
    at, pieces = parts[0][0], []
    for call in order.chain():
        ready = min(max(call.ready, at), max(call.began, at))
        pieces.append(Piece(at, ready, OWN))
        pieces += _of_call(call, ready)
        at = max(ready, call.ended)
    pieces.append(Piece(at, max(at, parts[-1][1]), OWN))
    return _joined(inside for piece in pieces for inside in _within(piece, parts))


def _of_call(call: TimedCall, at: int) -> Iterator[Piece]:
    """Yield the pieces of a call from a time to its end, without overlap."""
    for number, attempt in enumerate(call.attempts):
        if attempt.end == "cancelled" and attempt.ended >= call.ended and len(call.attempts) > 1:
            continue
        for cause, began, ended in attempt.waits:
            if ended > at:
                yield Piece(at, max(began, at), RETRIES if number else OWN, call.index)
                yield Piece(max(began, at), ended, cause, call.index)
                at = ended
        if attempt.began > at:
            yield Piece(at, attempt.began, RETRIES if number else OWN, call.index)
            at = attempt.began
        if attempt.ended > at:
            cause = SERVER if attempt.end in _PAID_FOR else RETRIES
            yield Piece(at, attempt.ended, cause, call.index)
            at = attempt.ended


def time_of(pieces: Iterable[Piece]) -> dict[str, int]:
    """Return the milliseconds by cause, the longest first."""
    found: dict[str, int] = {}
    for piece in pieces:
        found[piece.cause] = found.get(piece.cause, 0) + piece.ended - piece.began
    return _largest_first(found)


def call_time(calls: Iterable[TimedCall]) -> dict[str, int]:
    """Return the milliseconds of all calls by cause, the longest first. Calls side by side count each for itself."""
    found: dict[str, int] = {}
    for call in calls:
        for attempt in call.attempts:
            cause = SERVER if attempt.end in _PAID_FOR else RETRIES
            found[cause] = found.get(cause, 0) + attempt.ended - attempt.began
            for wait, length in attempt.waited.items():
                found[wait] = found.get(wait, 0) + length
    return _largest_first(found)


def _largest_first(found: Mapping[str, int]) -> dict[str, int]:
    return {cause: length for cause, length in sorted(found.items(), key=lambda item: (-item[1], item[0])) if length}


def _length(record: RunRecord) -> int | None:
    return None if record.ended is None else max(0, round((record.ended - record.began) * 1000))


def _times(calls: Iterable[CallRecord], began: int, next_began: int | None) -> Iterator[int]:
    """Yield the known times of the attempts that a part of the run sent."""
    for call in calls:
        for one in call.attempts:
            if one.began is not None and one.began >= began and (next_began is None or one.began < next_began):
                yield one.began if one.ended is None else one.ended


def _within(piece: Piece, parts: Iterable[tuple[int, int]]) -> Iterator[Piece]:
    for began, ended in parts:
        low, high = max(piece.began, began), min(piece.ended, ended)
        if low < high:
            yield Piece(low, high, piece.cause, piece.call)


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    found: list[Piece] = []
    for piece in pieces:
        last = found[-1] if found else None
        if last is not None and (last.ended, last.cause, last.call) == (piece.began, piece.cause, piece.call):
            found[-1] = Piece(last.began, piece.ended, piece.cause, piece.call)
        else:
            found.append(piece)
    return found
