"""The lines of a cassette from the records of a run's calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from flowrun.dsl import plan as p
from flowrun.runtime.vocabulary.call import Message
from flowrun.runtime.vocabulary.call_record import AnswerRecord, CallRecord
from flowrun.runtime.vocabulary.errors import UsageError

from .cassette import Cassette, Line, key_of, plain_model
from .places import Places
from .player import sample_of

_NO_ANSWER = ("refused", "doubtful", "open")


def cassette_of(plan: p.Plan, calls: Iterable[CallRecord]) -> Cassette:
    """Make the cassette of a run. Raises UsageError if a call has what looks like a secret, or no prompt."""
    places = Places(plan)
    return Cassette(plan.flow, _in_order([*calls], places))


def _in_order(calls: Sequence[CallRecord], places: Places) -> Iterator[Line]:
    """Yield the lines of all calls. Those of a vote whose answers came in another order have the rank of arrival."""
    votes = sorted((call for call in calls if call.vote), key=lambda call: call.vote)
    ranks: dict[tuple[str, int], int] = {}
    for _, group in groupby(votes, key=lambda call: call.vote):
        came = [
            (attempt.ended or 0, attempt.row, call.place, attempt.answer)
            for call in group
            for attempt in call.attempts
            if attempt.answer is not None
        ]
        arrived = sorted(came, key=lambda one: one[:2])
        if arrived != came:
            ranks |= {(place, answer): rank for rank, (_, _, place, answer) in enumerate(arrived, 1)}
    for call in calls:
        for line in lines_of(call, places):
            yield replace(line, order=ranks.get((call.place, line.again), 0))


def lines_of(call: CallRecord, places: Places) -> Iterator[Line]:
    """Yield the lines of a call: its answers, and how it ended without one. A call that was not sent has none."""
    if not call.answers and not any(one.end != "unsent" for one in call.attempts) and call.state != "cancelled":
        return
    if call.request is None:
        raise UsageError(f"the prompt of `{call.path}` is not known, so this run makes no cassette: run the flow again")
    spot = places.spot(call.place)
    line = Line(
        spot.path, sample_of(spot), 0, key_of(call.request), plain_model(call.model), _pairs(call.request.messages), ""
    )
    again = 0
    for again, answer in enumerate(call.answers, 1):
        yield replace(
            line,
            again=again - 1,
            messages=(*line.messages, *_pairs(_correction(call, again - 1))),
            answer=answer.text,
            finish=answer.finish,
            usage=(answer.tokens.read, answer.tokens.written),
            error=_error(answer),
        )
    if call.state == "cancelled":
        yield replace(line, again=again, answer=None, finish="cancelled")
    elif call.state == "failed" and call.attempts and call.attempts[-1].end in _NO_ANSWER:
        yield replace(line, again=again, answer=None, finish="failed", error=call.reason)


def _pairs(messages: Iterable[Message]) -> tuple[tuple[str, str], ...]:
    return tuple((one.role, one.text) for one in messages)


def _correction(call: CallRecord, number: int) -> tuple[Message, ...]:
    return next((one.correction or () for one in call.attempts if one.answer == number), ())


def _error(answer: AnswerRecord) -> str:
    """Return the fault of an answer that ended badly. The flow finds any other fault again when it reads the text."""
    return answer.error if answer.finish != "stop" else ""
