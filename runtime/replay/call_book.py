"""The records of the calls of a run, written event by event."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import cast

from flowrun.dsl import dataclass

from ..costs.prices import Prices
from ..engine.scopes import ReadAnswer
from ..journal.records import FEWER_ANSWERS, NOT_ANSWERED
from ..vocabulary import events as e
from ..vocabulary.call import Message, Request
from ..vocabulary.call_record import AnswerRecord, AttemptRecord, CallRecord, End, State
from ..vocabulary.errors import AnswerError
from ..vocabulary.question import UNANSWERED
from ..vocabulary.usage import NO_USAGE
from .asked_calls import AskedCall
from .attempts import state_of
from .event_answers import answer_told

MOST_CALLS = 20_000
MOST_TEXT = 16 * 2**20
"""The most calls that are kept in memory, and the most characters of their prompts and answers together."""
TOO_MUCH = (
    f"the run had more than {MOST_CALLS:,} calls or {MOST_TEXT // 2**20} MiB of text, so its calls were not kept in "
    "memory: give the run a journal, as in RunOptions(journal='run.db')"
)
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
    found = 0
    if type(event) is e.RequestStarted:
        if event.attempt == 1 and event.carried:
            for message in event.carried[0].messages:
                found += len(message.text)
    elif type(event) is e.RequestFinished:
        for answer in event.came:
            found += len(answer.text)
    return found


@dataclass(eq=False, slots=True)
class _Flight:
    """An attempt with the calls that it carries. It is ``over`` when it has failed.

    ``slots`` are its indexes among the attempts of each call.
    """

    start: e.RequestStarted
    calls: list[CallDraft]
    correction: tuple[Message, ...] = ()
    slots: list[int] = field(default_factory=list)
    over: bool = False

    def open(self) -> AttemptRecord:
        """Return the attempt, whose end nobody has seen."""
        return self._attempt("open", None, "", None, None)

    def end(
        self, how: End, at: float, reason: str = "", status: int | None = None, answer: int | None = None
    ) -> AttemptRecord:
        """Return the attempt with its end. ``answer`` is the index of its answer, None if it brought none."""
        return self._attempt(how, round(1000 * at), reason, status, answer)

    def _attempt(
        self, how: End, ended: int | None, reason: str, status: int | None, answer: int | None
    ) -> AttemptRecord:
        start = self.start
        return AttemptRecord(
            f"{start.number}.{start.attempt}",
            how,
            round(1000 * start.at),
            ended,
            reason,
            status,
            {cause.value: milliseconds for cause, milliseconds in start.waited.items()},
            model=start.model,
            correction=self.correction,
            answer=answer,
        )


@dataclass(eq=False, slots=True)
class CallDraft:
    """The record of a call in the making. ``asked`` has what the engine knows of it, None if nobody heard that."""

    path: str
    place: str
    model: str
    request: Request
    state: State = "open"
    reason: str = ""
    answers: list[AnswerRecord] = field(default_factory=list)
    attempts: list[AttemptRecord] = field(default_factory=list)
    recalled: list[AnswerRecord] = field(default_factory=list)
    asked: AskedCall | None = None

    @property
    def read(self) -> ReadAnswer | None:
        return None if self.asked is None else self.asked.read

    @property
    def size(self) -> int:
        """The characters of the prompt and of the answers."""
        prompt = sum(len(one.text) for one in self.request.messages)
        return prompt + sum(len(one.text) for one in self.answers)

    def around(self) -> list[str]:
        """Return the paths of the blocks around the call, from the outside inwards."""
        return [self.path[: found.start()] for found in _NUMBERS.finditer(self.path)]

    def record(self, votes: Mapping[str, object]) -> CallRecord:
        asked = self.asked
        state, reason = (self.state, self.reason) if asked is None else self._ended(asked)
        return CallRecord(
            self.path,
            self.place or self.path,
            _NUMBERS.sub("", self.path),
            self.model,
            state,
            self.request,
            tuple(self.answers or self.recalled),
            tuple(replace(one, model="") if one.model == self.model else one for one in self.attempts),
            () if asked is None else asked.labels,
            self._vote(votes) if asked is None else asked.vote,
            reason,
        )

    def _vote(self, votes: Mapping[str, object]) -> str:
        return next((one for one in reversed(self.around()) if one in votes), "")

    def _ended(self, asked: AskedCall) -> tuple[State, str]:
        state = state_of(asked.end, self.answers, self.recalled, self.attempts)
        if state in ("answered", "reused") or asked.end == "cancelled":
            return state, ""
        if asked.end == "waiting" and asked.call.question is not None:
            return "open", UNANSWERED
        last = next((one.reason for one in reversed(self.attempts) if one.reason), "")
        return state, asked.reason if asked.end == "failed" else last


class CallBook:
    """The calls of a run by their place, in the order in which they were first asked for or sent.

    ``asked`` has what the engine knows of calls, by their places. It may grow.
    """

    def __init__(self, prices: Prices, asked: Mapping[str, AskedCall]) -> None:
        self.prices = prices
        self.calls: dict[str, CallDraft] = {}
        self._asked = asked
        self._flights: dict[int, _Flight] = {}

    def places(self) -> list[str]:
        """Return the places of all calls, also of those that were not sent, in the order of the flow."""
        return list(dict.fromkeys((*self._asked, *self.calls)))

    def record(self, place: str, votes: Mapping[str, object]) -> CallRecord:
        """Return the record of a call at a place."""
        call = self.calls.get(place)
        if call is None:
            one = self._asked[place]
            call = CallDraft(one.call.path, place, one.call.model, _still(one.request), "unsent", asked=one)
        return call.record(votes)

    def take(self, event: CallEvent, *, known: bool = False) -> Sequence[CallDraft]:
        """Write an event, and return the calls that it changed. If ``known``, calls that are not there are left out."""
        match event:
            case e.RequestStarted():
                return self._started(event, known=known)
            case e.AnswerRecalled(call=carried, answer=answer):
                if carried is None or answer is None or (known and carried.place not in self.calls):
                    return ()
                call = self._call_of(carried)
                call.state = "reused"
                call.recalled.append(answer_told(call.read, carried, answer, NO_USAGE, None, self.prices))
                return (call,)
        flight = self._flights.get(event.number)
        if flight is None:
            return ()
        if isinstance(event, e.AttemptFailed):
            _failed(event, flight, self.prices)
        else:
            del self._flights[event.number]
            _ended(event, flight, self.prices)
        return flight.calls

    def _started(self, event: e.RequestStarted, *, known: bool) -> Sequence[CallDraft]:
        if known and not any(one.place in self.calls for one in event.carried):
            return ()
        flight = self._flights[event.number] = _Flight(event, [self._call_of(one) for one in event.carried])
        if flight.calls:
            # Calls of one request have the same messages.
            flight.correction = event.carried[0].messages[len(flight.calls[0].request.messages) :]
        for call in flight.calls:
            flight.slots.append(len(call.attempts))
            call.attempts.append(flight.open())
        return flight.calls

    def _call_of(self, carried: e.CarriedCall) -> CallDraft:
        found = self.calls.get(carried.place)
        if found is None:
            request = _still(carried.request)
            asked = self._asked.get(carried.place)
            if asked is not None:
                request = _still(asked.request)
            found = self.calls[carried.place] = CallDraft(
                carried.path, carried.place, carried.model, request, asked=asked
            )
        # A fallback may have taken the call from its first model.
        found.model = carried.model if found.asked is None else found.asked.call.model
        return found


def _still(request: Request) -> Request:
    """Return a request without the function that hears a streamed answer."""
    return replace(request, hear=None) if request.hear else request


def _failed(event: e.AttemptFailed, flight: _Flight, prices: Prices) -> None:
    """Write the end of an attempt without a usable answer. The state of its calls follows from the next event."""
    error = event.error
    status = getattr(error, "status", None)
    parts = event.usage.parts(len(flight.calls))
    for call, slot, sent, usage in zip(flight.calls, flight.slots, flight.start.carried, parts, strict=True):
        answer = len(call.answers) if isinstance(error, AnswerError) else None
        call.attempts[slot] = flight.end(event.how, event.at, event.reason, status, answer)
        if isinstance(error, AnswerError):
            call.answers.append(answer_told(call.read, sent, error, usage, error.receipt, prices))
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
        case e.RequestCancelled(open=False):
            for call, slot in zip(flight.calls, flight.slots, strict=True):
                if not flight.over:
                    call.attempts[slot] = flight.end("cancelled", event.at)
                if call.state == "open":
                    call.state = "cancelled"
        case e.RequestFinished():
            _finished(event, flight, prices)


def _finished(event: e.RequestFinished, flight: _Flight, prices: Prices) -> None:
    whole, receipt = event.usage, None if event.bill is None else event.bill.receipt
    came = event.came[: len(flight.calls)]
    sent = flight.start.carried
    for at, (answer, usage) in enumerate(zip(came, whole.parts(len(came)), strict=True)):
        call, slot = flight.calls[at], flight.slots[at]
        record = answer_told(call.read, sent[at], answer, usage, receipt, prices)
        end: End = "spoilt" if record.error else "answered"
        call.attempts[slot] = flight.end(end, event.at, record.error, answer=len(call.answers))
        call.answers.append(record)
        call.state, call.reason = "failed" if record.error else "answered", record.error
    how, said = ("doubtful", FEWER_ANSWERS) if event.doubtful else ("refused", NOT_ANSWERED)
    for call, slot in zip(flight.calls[len(came) :], flight.slots[len(came) :], strict=True):
        call.attempts[slot] = flight.end(cast(End, how), event.at, said)
