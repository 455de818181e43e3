"""The calls of a run without a journal, kept in memory from its events up to a bound."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from typing import cast

from flowrun.dsl import dataclass, option_of

from ..costs.prices import Prices
from ..vocabulary import events as e
from ..vocabulary.call import Answer, Request
from ..vocabulary.call_record import AnswerRecord, AttemptRecord, CallRecord, End, State, Tokens
from ..vocabulary.errors import AnswerError, UsageError
from ..vocabulary.json_text import JsonError, read_json, unfenced
from ..vocabulary.json_value import Json
from ..vocabulary.partial_listener import PartialListener
from ..vocabulary.usage import Usage

MOST_CALLS = 20_000
MOST_TEXT = 16 * 2**20
"""The most calls that are kept, and the most characters of their prompts and answers together."""
_NUMBERS = re.compile(r"\[[^\]]*\]")

Kept = (
    e.RequestStarted
    | e.RequestFinished
    | e.AttemptFailed
    | e.RequestRetried
    | e.RequestFailed
    | e.RequestCancelled
    | e.AnswerRecalled
)
_KINDS = frozenset(
    (
        e.RequestStarted,
        e.RequestFinished,
        e.AttemptFailed,
        e.RequestFailed,
        e.RequestCancelled,
        e.AnswerRecalled,
        e.RequestRetried,
    )
)


class CallKeeper(PartialListener):
    """A listener that keeps the events of calls. Prompts and answers are references to texts that the run has anyway.

    It lets go of all of them at ``MOST_CALLS`` calls or ``MOST_TEXT`` characters.
    """

    def __init__(self) -> None:
        self._events: list[Kept] = []
        self._calls = 0
        self._text = 0
        self._full = False

    def hears(self, kind: type) -> bool:
        return kind in _KINDS

    def __call__(self, event: e.Event) -> None:
        if self._full:
            return
        if type(event) is e.RequestStarted:
            if event.attempt == 1:
                self._calls += event.calls
                self._text += sum(len(one.text) for one in event.carried[0].messages) if event.carried else 0
        elif type(event) is e.RequestFinished:
            self._text += sum(len(answer.text) for answer in event.came)
        self._events.append(cast(Kept, event))
        if self._calls > MOST_CALLS or self._text > MOST_TEXT:
            self._full = True
            self._events.clear()

    def records(self, prices: Prices, votes: Mapping[str, object]) -> tuple[CallRecord, ...]:
        """Return the calls in the order in which they were first sent. ``votes`` are the paths of votes.

        Raises: UsageError, if the run had more calls or text than are kept.
        """
        if self._full:
            raise UsageError(
                f"the run had more than {MOST_CALLS:,} calls or {MOST_TEXT // 2**20} MiB of text, so its calls were "
                "not kept in memory: give the run a journal, as in RunOptions(journal='run.db')"
            )
        calls: dict[str, _Call] = {}
        flights: dict[int, _Flight] = {}
        for event in self._events:
            _take(event, calls, flights, prices)
        return tuple(one.record(votes) for one in calls.values())


@dataclass(eq=False, slots=True)
class _Flight:
    """An attempt with the calls that it carries. It is ``over`` when it has failed."""

    start: e.RequestStarted
    calls: list[_Call]
    over: bool = False

    def end(self, how: End, at: float | None, reason: str = "", status: int | None = None) -> AttemptRecord:
        waited = {cause.value: milliseconds for cause, milliseconds in self.start.waited.items()}
        name = f"{self.start.number}.{self.start.attempt}"
        ended = None if at is None else round(1000 * at)
        return AttemptRecord(name, how, round(1000 * self.start.at), ended, reason, status, waited)


@dataclass(eq=False, slots=True)
class _Call:
    """The record of a call in the making. ``open`` counts its attempts that have no end yet."""

    path: str
    place: str
    model: str
    request: Request
    state: State = "open"
    reason: str = ""
    answers: list[AnswerRecord] = field(default_factory=list)
    attempts: list[AttemptRecord] = field(default_factory=list)

    def record(self, votes: Mapping[str, object]) -> CallRecord:
        around = (self.path[: found.start()] for found in _NUMBERS.finditer(self.path))
        vote = next((one for one in reversed(list(around)) if one in votes), "")
        return CallRecord(
            self.path,
            self.place or self.path,
            _NUMBERS.sub("", self.path),
            self.model,
            self.state,
            self.request,
            tuple(self.answers),
            tuple(self.attempts),
            vote=vote,
            reason=self.reason,
        )


def _take(event: Kept, calls: dict[str, _Call], flights: dict[int, _Flight], prices: Prices) -> None:
    match event:
        case e.RequestStarted():
            flights[event.number] = _Flight(event, [_call_of(one, calls) for one in event.carried])
            return
        case e.AnswerRecalled(call=carried, answer=answer):
            if carried is not None and answer is not None:
                call = _call_of(carried, calls)
                call.state = "reused"
                call.answers.append(_answer(answer, call.request, Usage(), None))
            return
    flight = flights.get(event.number)
    if flight is None:
        return
    if isinstance(event, e.AttemptFailed):
        _failed(event, flight, prices)
    else:
        del flights[event.number]
        _ended(event, flight, prices)


def _call_of(carried: e.CarriedCall, calls: dict[str, _Call]) -> _Call:
    found = calls.get(carried.place)
    if found is None:
        request = replace(carried.request, hear=None) if carried.request.hear else carried.request
        found = calls[carried.place] = _Call(carried.path, carried.place, carried.model, request)
    return found


def _failed(event: e.AttemptFailed, flight: _Flight, prices: Prices) -> None:
    """Write the end of an attempt without a usable answer. The state of its calls follows from the next event."""
    status = getattr(event.error, "status", None)
    for call, usage in zip(flight.calls, event.usage.parts(len(flight.calls)), strict=False):
        call.attempts.append(flight.end(event.how, event.at, event.reason, status))
        if isinstance(event.error, AnswerError):
            cost = _cost(prices, flight.start.model, usage)
            call.answers.append(_answer(event.error, call.request, usage, cost))
        call.reason = event.reason
    flight.over = True


def _ended(
    event: e.RequestFinished | e.RequestRetried | e.RequestFailed | e.RequestCancelled,
    flight: _Flight,
    prices: Prices,
) -> None:
    match event:
        case e.RequestFailed(reason=reason):
            for call in flight.calls:
                call.state, call.reason = "failed", reason
        case e.RequestCancelled():
            for call in flight.calls:
                if call.state == "open":
                    call.state = "cancelled"
                if not flight.over:
                    call.attempts.append(flight.end("cancelled", event.at))
        case e.RequestFinished(came=came):
            usages = Usage(event.input_tokens, event.output_tokens).parts(len(came))
            for call, answer, usage in zip(flight.calls, came, usages, strict=False):
                record = _answer(answer, call.request, usage, _cost(prices, event.model, usage))
                call.answers.append(record)
                call.state, call.reason = "failed" if record.error else "answered", record.error
                call.attempts.append(flight.end("spoilt" if record.error else "answered", event.at, record.error))
            for call in flight.calls[len(came) :]:
                call.attempts.append(flight.end("doubtful" if event.doubtful else "refused", event.at))


def _cost(prices: Prices, model: str, usage: Usage) -> float | None:
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    return prices.cost(model, usage.input_tokens, usage.output_tokens)


def _answer(answer: Answer | AnswerError, request: Request, usage: Usage, cost: float | None) -> AnswerRecord:
    tokens = Tokens(read=usage.input_tokens, written=usage.output_tokens)
    if isinstance(answer, AnswerError):
        return AnswerRecord(answer.text, "other", str(answer), None, tokens, cost)
    error, value = answer.said if answer.finish != "stop" else "", None
    if not error:
        try:
            value = _value(answer.text, request)
        except ValueError as problem:
            error = str(problem)
    return AnswerRecord(answer.text, answer.finish, error, value, tokens, cost)


def _value(text: str, request: Request) -> Json:
    """Read an answer in the form that its request asks for. Raises ValueError if it does not have that form."""
    if not text.strip():
        raise ValueError("the answer is empty")
    if request.choices:
        found = text if text in request.choices else option_of(unfenced(text), request.choices)
        if found is None:
            raise ValueError("the answer is none of the choices")
        return found
    if request.schema is None:
        return text.strip()
    try:
        return read_json(text)
    except JsonError as error:
        raise ValueError(f"the answer {error}") from None
