"""The scripted source of answers. It stands for the models, the network and the clock of a run; time is virtual."""

from __future__ import annotations

from dataclasses import field
from functools import lru_cache

from flowrun.dsl import MESSAGE_TOKENS, dataclass
from flowrun.runtime.engine.decisions import Call, LaunchExtern, Read
from flowrun.runtime.engine.frames import Frame
from flowrun.runtime.limits.retry import Retries, RetryPolicy
from flowrun.runtime.replay.source import AnswerSource, Came, Doubted, Happening, Hedged, Returned, TimedOut
from flowrun.runtime.vocabulary.call import Answer, Request
from flowrun.runtime.vocabulary.errors import AnswerError, CallError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.question import unanswered
from flowrun.runtime.vocabulary.tokens import estimate
from flowrun.runtime.vocabulary.usage import Usage

from .agenda import Agenda
from .answer_book import AnswerBook, Asked, Scripted
from .attempts import Attempt, Meter
from .failures import call_error
from .hedges import Hedges
from .outside import ScriptedExterns, ScriptedFiles
from .places import Spot

_FOREVER = 1e9
"""The virtual seconds after which nobody waits any more for a person who may take any time."""


@dataclass(eq=False, slots=True)
class _Flight:
    """A call under way, with its attempts. ``open`` has the numbers of the requests that are out."""

    call: Call
    asked: Asked
    retries: Retries
    number: int = 0
    open: dict[int, float] = field(default_factory=dict)


class ScriptedSource(AnswerSource):
    """A source whose answers come from a test.

    ``meter`` counts the requests. ``prompts`` are all questions with their places. ``rounds`` has, for each step, how
    often one element was asked in a row.
    """

    def __init__(
        self,
        book: AnswerBook,
        externs: ScriptedExterns,
        files: ScriptedFiles,
        meter: Meter,
    ) -> None:
        super().__init__()
        self.book = book
        self.externs = externs
        self.files = files
        self.meter = meter
        self.prompts: list[tuple[Spot, str]] = []
        self.rounds: dict[str, int] = {}
        self.agenda = Agenda()
        self._asked: dict[int, Asked] = {}
        self._flights: dict[int, _Flight] = {}
        self._stopped: set[int] = set()
        self._done: dict[object, int] = {}
        self._hedges = Hedges(self._slow)

    # The questions of the flow

    def asks(self, call: Call, frame: Frame, spot: Spot) -> None:
        """Hear of a question before it is sent."""
        element = (spot.shape.step, spot.element)
        turn = self._done.get(element, 0) + 1
        ballot = frame.block is not None and frame.block.around.ballot
        self._asked[call.number] = Asked(spot, frame, turn, ballot)

    def is_ballot(self, call: Call) -> bool:
        """Tell whether the answer to a call is a ballot. An answer that does not fit is then not corrected."""
        return self._asked[call.number].ballot

    def heard(self, call: Call, value: Json) -> None:
        """Hear the value of an answer, or the AnswerError of an answer that does not fit."""
        asked = self._asked.get(call.number)
        if asked is not None:
            self.book.heard(asked, value)

    def launched(self, call: Call) -> None:
        flight = self._flights.get(call.number)
        if flight is None:
            asked = self._asked[call.number]
            policy = RetryPolicy() if call.policy.retries is None else RetryPolicy(call.policy.retries + 1)
            retries = Retries(policy, self.agenda.now, call.tries, call.tries, chance=lambda: 0.0)
            flight = self._flights[call.number] = _Flight(call, asked, retries)
        # Other events of this moment may still cancel the call.
        self._send_later(flight, 0)

    def cancelled(self, call: Call) -> None:
        flight = self._flights.pop(call.number, None)
        if flight is not None:
            self._end(flight, None)

    def launched_extern(self, launch: LaunchExtern) -> None:
        value = self.externs.value(launch)
        self.agenda.add(0, lambda: Returned(launch.number, value))

    def read(self, read: Read) -> Json:
        return self.files.value_of(read)

    def started(self, timer: int, seconds: float) -> None:
        self.agenda.add(seconds, lambda: None if timer in self._stopped else TimedOut(timer))

    def stopped(self, timer: int) -> None:
        self._stopped.add(timer)

    def allowed(self, happening: Doubted | Hedged) -> None:
        flight = self._flights.get(happening.number)
        if flight is None:
            return
        if isinstance(happening, Hedged):
            self._send(flight, beside=True)
        else:
            flight.call.tries = flight.retries.tries
            self._send_later(flight, 0)

    # The events of requests

    def next(self) -> Happening | None:
        return self.agenda.next()

    def _send(self, flight: _Flight, *, beside: bool = False) -> None:
        """Send a request of a call, and decide by the script when and how it ends."""
        call = flight.call
        if not flight.number:
            asked = flight.asked
            step = asked.spot.shape.step
            self.rounds[step] = max(self.rounds.get(step, 0), asked.round)
            self.prompts.append((asked.spot, "\n".join(message.text for message in call.messages)))
        number = self.meter.started(call, self.agenda.now, flight.number if beside else 0, flight.retries.made + 1)
        flight.number = flight.number or number
        flight.open[number] = self.agenda.now
        found = self.book.find(call, flight.asked)
        timeout, person = call.request.timeout or _FOREVER, call.question is not None
        if found.seconds is None or found.seconds >= timeout:
            late = unanswered(timeout) if person else call_error("timeout", call.model, timeout)
            found = Scripted(late, timeout, found.answer)
        seconds = max(found.seconds or 0.0, found.due - self.agenda.now)
        self.agenda.add(seconds, lambda: self._over(flight, number, found))
        if call.policy.hedge is not None and not beside:
            self._hedges.began(call, self.agenda.now)
            self._look(call)

    def _over(self, flight: _Flight, number: int, found: Scripted) -> Happening | None:
        """End a request. Return what the flow hears of it, None if the call is over or is sent again."""
        call, what = flight.call, found.what
        if number not in flight.open:
            return None
        began = flight.open.pop(number)
        usage = _usage(call.request, what) if found.usage is None else found.usage
        attempt = Attempt(number, call, began, self.agenda.now)
        if isinstance(what, AnswerError):
            what.usage = usage
        flight.asked.answer = found.answer
        if isinstance(what, Answer):
            self.meter.finished(attempt, what, usage)
            return self._came(flight, Came(call.number, what, usage))
        self.meter.attempt_failed(attempt, what)
        if flight.open:
            # The other of two requests side by side goes on.
            self.meter.cancelled(attempt)
            return None
        try:
            wait = flight.retries.after(what, self.agenda.now)
        except CallError as final:
            self.meter.failed(attempt, final)
            return self._came(flight, Came(call.number, final))
        self.meter.retried(attempt, what, wait)
        self._hedges.ended(call, self.agenda.now, None)
        if what.doubtful:
            self.agenda.add(wait, lambda: Doubted(call.number) if call.number in self._flights else None)
        else:
            self._send_later(flight, wait)
        return None

    def _send_later(self, flight: _Flight, seconds: float) -> None:
        """Send a request of a call in so many seconds, if the call is still wanted."""
        self.agenda.add(seconds, lambda: self._send(flight) if flight.call.number in self._flights else None)

    def _came(self, flight: _Flight, happening: Came) -> Happening:
        del self._flights[flight.call.number]
        answered = isinstance(happening.what, Answer)
        self._end(flight, self.agenda.now if answered else None)
        spot = flight.asked.spot
        element = (spot.shape.step, spot.element)
        self._done[element] = max(self._done.get(element, 0), flight.asked.round)
        return happening

    def _end(self, flight: _Flight, answered: float | None) -> None:
        """End all that is left of a call: it has its answer, has failed or is cancelled."""
        for number, began in flight.open.items():
            self.meter.cancelled(Attempt(number, flight.call, began, self.agenda.now))
        flight.open.clear()
        if flight.call.policy.hedge is not None:
            self._hedges.ended(flight.call, self.agenda.now, answered)
            self._look(flight.call)

    # Hedges

    def _look(self, call: Call) -> None:
        """Send slow requests a second time, and look again when the next request will be slow."""
        then = self._hedges.look(call, self.agenda.now)
        if then is not None:
            self.agenda.add(then - self.agenda.now, lambda: self._look(call))

    def _slow(self, call: Call) -> None:
        self.agenda.add(0, lambda: Hedged(call.number) if call.number in self._flights else None)


def _usage(request: Request, what: Answer | CallError) -> Usage:
    text = what.text if isinstance(what, Answer | AnswerError) else ""
    return Usage(sum(_tokens(message.text) + MESSAGE_TOKENS for message in request.messages), _tokens(text))


@lru_cache(maxsize=4096)
def _tokens(text: str) -> int:
    return estimate(text)
