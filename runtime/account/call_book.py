"""The records of the calls of a run, written event by event."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from flowrun.dsl import dataclass, option_of

from ..costs.prices import Prices
from ..vocabulary import events as e
from ..vocabulary.call import Answer, Request
from ..vocabulary.call_record import AnswerRecord, AttemptRecord, CallRecord, End, State, Tokens
from ..vocabulary.errors import AnswerError
from ..vocabulary.json_text import JsonError, read_json, unfenced
from ..vocabulary.json_value import Json
from ..vocabulary.usage import Usage

MOST_CALLS = 20_000
MOST_TEXT = 16 * 2**20
"""The most calls that are kept in memory, and the most characters of their prompts and answers together."""
_NUMBERS = re.compile(r"\[[^\]]*\]")

CallEvent = (
    e.RequestStarted
    | e.RequestFinished
    | e.AttemptFailed
    | e.RequestRetried
    | e.RequestFailed
    | e.RequestCancelled
    | e.AnswerRecalled
)
KINDS = frozenset(
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
"""The types of the events of calls."""


def text_in(event: e.Event) -> int:
    """Return the characters of the prompt or of the answers that an event brings for the first time."""
    if type(event) is e.RequestStarted:
        first = event.attempt == 1 and event.carried
        return sum(len(one.text) for one in event.carried[0].messages) if first else 0
    return sum(len(answer.text) for answer in event.came) if type(event) is e.RequestFinished else 0


@dataclass(eq=False, slots=True)
class _Flight:
    """An attempt with the calls that it carries. It is ``over`` when it has failed."""

    start: e.RequestStarted
    calls: list[Call]
    over: bool = False

    def open(self) -> AttemptRecord:
        """Return the attempt, whose end nobody has seen."""
        return self.end("open", None)

    def end(self, how: End, at: float | None, reason: str = "", status: int | None = None) -> AttemptRecord:
        waited = {cause.value: milliseconds for cause, milliseconds in self.start.waited.items()}
        name = f"{self.start.number}.{self.start.attempt}"
        ended = None if at is None else round(1000 * at)
        return AttemptRecord(name, how, round(1000 * self.start.at), ended, reason, status, waited)


@dataclass(eq=False, slots=True)
class Call:
    """The record of a call in the making. ``out`` are its attempts that have no end yet."""

    path: str
    place: str
    model: str
    request: Request
    state: State = "open"
    reason: str = ""
    answers: list[AnswerRecord] = field(default_factory=list)
    attempts: list[AttemptRecord] = field(default_factory=list)
    out: list[_Flight] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The characters of the prompt and of the answers."""
        prompt = sum(len(one.text) for one in self.request.messages)
        return prompt + sum(len(one.text) for one in self.answers)

    def around(self) -> list[str]:
        """Return the paths of the blocks around the call, from the outside inwards."""
        return [self.path[: found.start()] for found in _NUMBERS.finditer(self.path)]

    def record(self, votes: Mapping[str, object]) -> CallRecord:
        vote = next((one for one in reversed(self.around()) if one in votes), "")
        return CallRecord(
            self.path,
            self.place or self.path,
            _NUMBERS.sub("", self.path),
            self.model,
            self.state,
            self.request,
            tuple(self.answers),
            (*self.attempts, *(one.open() for one in self.out)),
            vote=vote,
            reason=self.reason,
        )


class CallBook:
    """The calls of a run by their place, in the order in which they were first sent."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self.calls: dict[str, Call] = {}
        self._flights: dict[int, _Flight] = {}

    def take(self, event: CallEvent, *, known: bool = False) -> Sequence[Call]:
        """Write an event, and return the calls that it changed. If ``known``, calls that are not there are left out."""
        match event:
            case e.RequestStarted():
                return self._started(event, known=known)
            case e.AnswerRecalled(call=carried, answer=answer):
                if carried is None or answer is None or (known and carried.place not in self.calls):
                    return ()
                call = self._call_of(carried)
                call.state = "reused"
                call.answers.append(_answer(answer, call.request, Usage(), None))
                return (call,)
        flight = self._flights.get(event.number)
        if flight is None:
            return ()
        if not flight.over:
            for call in flight.calls:
                call.out.remove(flight)
        if isinstance(event, e.AttemptFailed):
            _failed(event, flight, self.prices)
        else:
            del self._flights[event.number]
            _ended(event, flight, self.prices)
        return flight.calls

    def _started(self, event: e.RequestStarted, *, known: bool) -> Sequence[Call]:
        if known and not any(one.place in self.calls for one in event.carried):
            return ()
        flight = self._flights[event.number] = _Flight(event, [self._call_of(one) for one in event.carried])
        for call in flight.calls:
            call.out.append(flight)
        return flight.calls

    def _call_of(self, carried: e.CarriedCall) -> Call:
        found = self.calls.get(carried.place)
        if found is None:
            request = replace(carried.request, hear=None) if carried.request.hear else carried.request
            found = self.calls[carried.place] = Call(carried.path, carried.place, carried.model, request)
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
