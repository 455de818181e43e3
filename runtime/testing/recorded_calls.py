"""The lines of a cassette from the records of a run's calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

from flowrun.dsl import plan as p
from flowrun.runtime.vocabulary.call import Message
from flowrun.runtime.vocabulary.call_record import AnswerRecord, CallRecord
from flowrun.runtime.vocabulary.errors import UsageError

from .cassette import Cassette, Line, key_of, options_of, plain_model
from .places import Places
from .player import sample_of

_NO_ANSWER = ("refused", "doubtful", "open")
Ranks = Mapping[tuple[str, int], int]
"""The rank of an attempt, by the place of its call and its number there."""


def cassette_of(plan: p.Plan, calls: Iterable[CallRecord]) -> Cassette:
    """Make the cassette of a run. Raises UsageError if a call has what looks like a secret, or no prompt."""
    places = Places(plan)
    calls = [*calls]
    ranks = _ranks(calls) if _depends_on_order(calls) else {}
    return Cassette(plan.flow, (line for call in calls for line in lines_of(call, places, ranks)))


def _depends_on_order(calls: Sequence[CallRecord]) -> bool:
    """Tell whether the outcome of a run may depend on the order in which its answers came."""
    return any(call.vote or call.state in ("cancelled", "failed") for call in calls)


def _ranks(calls: Sequence[CallRecord]) -> Ranks:
    """Return the ranks of the ends of attempts, from 1, in the order of the run, which the rows have too."""
    came = sorted(
        (one.row, one.ended or 0, call.place, at)
        for call in calls
        for at, one in enumerate(call.attempts)
        if one.answer is not None or one.end in _NO_ANSWER
    )
    return {(place, at): rank for rank, (_, _, place, at) in enumerate(came, 1)}


def lines_of(call: CallRecord, places: Places, ranks: Ranks) -> Iterator[Line]:
    """Yield the lines of a call: its answers, and how it ended without one. A call that was not sent has none."""
    sent = [(at, one) for at, one in enumerate(call.attempts) if one.end != "unsent"]
    attempts = [one for _, one in sent]
    if not call.answers and not attempts and call.state != "cancelled":
        return
    if call.request is None:
        raise UsageError(f"the prompt of `{call.path}` is not known, so this run makes no cassette: run the flow again")
    spot, asked = places.spot(call.place), _pairs(call.request.messages)
    options = options_of(call.request)
    line = Line(
        spot.path, sample_of(spot), 0, key_of(call.request), plain_model(call.model), asked, "", options=options
    )
    if call.state == "reused":
        for again, answer in enumerate(call.answers):
            yield _answered(replace(line, again=again), answer, ())
        return
    again = 0
    for (at, one), after in zip_longest(sent, attempts[1:]):
        rank = ranks.get((call.place, at), 0)
        of = replace(line, again=again, model=plain_model(one.model) or line.model, order=rank)
        other = after is not None and after.model != one.model
        if one.answer is not None:
            yield _answered(of, call.answers[one.answer], one.correction or ())
            # A fallback model gets the question as it was, and counts on.
            again += not other
        elif other and one.end in _NO_ANSWER:
            yield replace(of, answer=None, finish="failed", error=one.reason)
        elif after is None and call.state == "failed" and one.end in _NO_ANSWER:
            yield replace(of, answer=None, finish="failed", error=call.reason)
    if call.state == "cancelled":
        model = attempts[-1].model if attempts else ""
        yield replace(line, again=again, model=plain_model(model) or line.model, answer=None, finish="cancelled")


def _answered(line: Line, answer: AnswerRecord, correction: tuple[Message, ...]) -> Line:
    return replace(
        line,
        messages=(*line.messages, *_pairs(correction)),
        answer=answer.text,
        finish=answer.finish,
        usage=answer.usage,
        # The flow finds the fault of an answer with a good end when it reads the text.
        error=answer.error if answer.finish != "stop" else "",
    )


def _pairs(messages: Iterable[Message]) -> tuple[tuple[str, str], ...]:
    return tuple((one.role, one.text) for one in messages)
