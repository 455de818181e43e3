"""The scripted source of answers. It stands for the models, the network and the clock of a run; time is virtual."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import field
from functools import lru_cache
from heapq import heappop, heappush

from flowrun.dsl import MESSAGE_TOKENS, dataclass, test_plan
from flowrun.runtime.engine.decisions import Call, LaunchExtern, Read
from flowrun.runtime.engine.frames import NO_STEPS, Frame
from flowrun.runtime.engine.scopes import Context, Scope
from flowrun.runtime.limits.retry import Retries, RetryPolicy
from flowrun.runtime.replay.source import Came, Doubted, Happening, Hedged, Returned, Source, TimedOut
from flowrun.runtime.values.expressions import evaluate
from flowrun.runtime.vocabulary.call import Answer, Request
from flowrun.runtime.vocabulary.errors import AnswerError, CallError, FlowrunError, PermanentError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.tokens import estimate
from flowrun.runtime.vocabulary.usage import Usage

from .attempts import Attempt, Meter
from .failures import call_error
from .hedges import Hedges
from .outcome import Problem, TestedCall
from .outside import ScriptedExterns, ScriptedFiles
from .places import Spot
from .script import Script


@dataclass(frozen=True, slots=True)
class Scripted:
    """An answer that the test or a cassette has for a call. ``seconds`` is the time that it takes, None for ever.

    ``answer`` is the line's own answer, None for an answer of a cassette.
    """

    what: Answer | CallError
    seconds: float | None = 0.0
    answer: test_plan.Answer | None = None
    usage: Usage | None = None


Other = Callable[[Call, Spot], Scripted | None]
"""A function that answers calls that no line of the test answers: a cassette."""


@dataclass(eq=False, slots=True)
class Asked:
    """A question of the flow: its place, the frame in which it is asked, and its round.

    ``ballot`` is True if the answer is a ballot, which is never corrected.
    """

    spot: Spot
    frame: Frame
    round: int
    ballot: bool
    answer: test_plan.Answer | None = None


@dataclass(eq=False, slots=True)
class _Flight:
    """A call under way, with its attempts. ``open`` has the numbers of the requests that are out."""

    call: Call
    asked: Asked
    retries: Retries
    number: int = 0
    open: dict[int, float] = field(default_factory=dict)


class ScriptedSource(Source):
    """A source whose answers come from a test.

    ``context`` evaluates the answers. ``row`` is the row of the test's table. ``other`` answers calls that the test
    does not. ``meter`` counts the requests. ``calls`` are the answers that were given, ``prompts`` all questions.
    """

    def __init__(
        self,
        script: Script,
        externs: ScriptedExterns,
        files: ScriptedFiles,
        context: Context,
        meter: Meter,
        other: Other | None = None,
    ) -> None:
        super().__init__()
        self.script = script
        self.externs = externs
        self.files = files
        self.meter = meter
        self.other = other
        self.calls: list[TestedCall] = []
        self.prompts: list[tuple[Spot, str]] = []
        self.rounds: dict[str, int] = {}
        self.missing: dict[str, int] = {}
        self.now = 0.0
        self._scope = Scope(context, Frame(NO_STEPS, None, given={} if script.row is None else {"row": script.row}))
        self._asked: dict[int, Asked] = {}
        self._flights: dict[int, _Flight] = {}
        self._heap: list[tuple[float, int, Callable[[], Happening | None]]] = []
        self._order = 0
        self._stopped: set[int] = set()
        self._done: dict[object, int] = {}
        self._hedges = Hedges(self._slow)

    # What the flow asks

    def asks(self, call: Call, frame: Frame, spot: Spot) -> None:
        """Hear of a question before it is sent."""
        element = (spot.shape.step, spot.element)
        turn = self._done.get(element, 0) + 1
        ballot = frame.block is not None and frame.block.around.ballot
        self._asked[call.number] = Asked(spot, frame, turn, ballot)

    def answered(self, call: Call, value: Json) -> None:
        """Hear the value of an answer, or the AnswerError of an answer that does not fit."""
        asked = self._asked.get(call.number)
        answer = None if asked is None else asked.answer
        if answer is None:
            return
        if answer.kind == "malformed" and not isinstance(value, AnswerError):
            self._complain(answer.place, f"this answer fits: `{asked.spot.path}` takes it" if asked else "")
        elif answer.kind in ("value", "slow") and isinstance(value, AnswerError):
            self._complain(answer.place, f"this answer does not fit: {value}")

    def launched(self, call: Call) -> None:
        asked = self._asked[call.number]
        flight = self._flights.get(call.number)
        if flight is None:
            step = asked.spot.shape.step
            self.rounds[step] = max(self.rounds.get(step, 0), asked.round)
            policy = RetryPolicy() if call.policy.retries is None else RetryPolicy(call.policy.retries + 1)
            retries = Retries(policy, self.now, call.tries, call.tries, chance=lambda: 0.0)
            flight = self._flights[call.number] = _Flight(call, asked, retries)
            self.prompts.append((asked.spot, "\n".join(message.text for message in call.messages)))
        self._send(flight)

    def cancelled(self, call: Call) -> None:
        flight = self._flights.pop(call.number, None)
        if flight is not None:
            self._end(flight, None)

    def launched_extern(self, launch: LaunchExtern) -> None:
        value = self.externs.value(launch)
        self._at(self.now, lambda: Returned(launch.number, value))

    def read(self, read: Read) -> Json:
        return self.files.value_of(read)

    def started(self, timer: int, seconds: float) -> None:
        self._at(self.now + seconds, lambda: None if timer in self._stopped else TimedOut(timer))

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
            self._send_later(flight)

    # What happens

    def next(self) -> Happening | None:
        while self._heap:
            self.now, _, happens = heappop(self._heap)
            happening = happens()
            if happening is not None:
                return happening
        return None

    def _at(self, when: float, happens: Callable[[], Happening | None]) -> None:
        self._order += 1
        heappush(self._heap, (when, self._order, happens))

    def _send(self, flight: _Flight, *, beside: bool = False) -> None:
        """Send a request of a call, and decide by the script when and how it ends."""
        call = flight.call
        number = self.meter.started(call, self.now, flight.number if beside else 0, flight.retries.made + 1)
        flight.number = flight.number or number
        flight.open[number] = self.now
        found = self._scripted(flight)
        timeout = call.request.timeout
        if found.seconds is None or found.seconds >= timeout:
            found = Scripted(call_error("timeout", call.model, timeout), timeout, found.answer)
        seconds = found.seconds or 0.0
        self._at(self.now + seconds, lambda: self._over(flight, number, found))
        if call.policy.hedge is not None and not beside:
            self._hedges.began(call, self.now)
            self._look(call)

    def _scripted(self, flight: _Flight) -> Scripted:
        """Find the answer to a call. If there is none, the call fails, and the test too."""
        asked, call = flight.asked, flight.call
        line = self.script.line(asked.spot, Scope(self._scope.context, asked.frame))
        if line is None:
            found = None if self.other is None else self.other(call, asked.spot)
            if found is not None:
                self._note(asked.spot, _shown(found.what), 0)
                return found
            self.missing[asked.spot.shape.step] = self.missing.get(asked.spot.shape.step, 0) + 1
            return Scripted(PermanentError("the test has no reply for this call"))
        answer = line.next(asked.spot, ballot=asked.ballot)
        if answer is None:
            many = len(line.reply.answers)
            _, samples = asked.spot.sample(line.fixed)
            said = f"`{asked.spot.path}` needs another answer, and this line has {many}"
            help = f"write one answer for all, or {samples} answers" if samples > 1 else "write another answer"
            self._complain(line.reply.place, said, help)
            return Scripted(PermanentError("the test has no further answer for this call"))
        asked.answer = answer
        self._note(asked.spot, answer.place.text, answer.place.line)
        try:
            return self._read(answer, call.request, call.model)
        except FlowrunError as error:
            self._complain(answer.place, f"this answer has no value: {error}")
            return Scripted(PermanentError(str(error)))

    def _read(self, answer: test_plan.Answer, request: Request, model: str) -> Scripted:
        value = None if answer.value is None else evaluate(answer.value, self._scope)
        seconds = answer.seconds
        match answer.kind:
            case "error":
                what: Answer | CallError = call_error(str(value), model, request.timeout)
            case "malformed":
                what = Answer(str(value))
            case "cut":
                what = Answer(str(value), "length")
            case _ if answer.value is None:
                return Scripted(Answer(""), None, answer)
            case _:
                what = Answer(text_of(value, request))
        return Scripted(what, seconds or 0.0, answer)

    def _note(self, spot: Spot, answer: str, line: int) -> None:
        self.calls.append(TestedCall(spot.path, answer, line))

    def _complain(self, place: test_plan.Place | None, message: str, help: str = "") -> None:
        problem = Problem(place, message, help)
        if problem not in self.script.problems:
            self.script.problems.append(problem)

    def _over(self, flight: _Flight, number: int, found: Scripted) -> Happening | None:
        """End a request. Return what the flow hears of it, None if the call is over or is sent again."""
        call, what = flight.call, found.what
        if number not in flight.open:
            return None
        began = flight.open.pop(number)
        usage = _usage(call.request, what) if found.usage is None else found.usage
        attempt = Attempt(number, call, began, self.now)
        if isinstance(what, AnswerError):
            what.usage = usage
        if isinstance(what, Answer):
            self.meter.finished(attempt, what, usage)
            return self._came(flight, Came(call.number, what, usage))
        self.meter.attempt_failed(attempt, what)
        if flight.open:
            # The other of two requests side by side goes on.
            self.meter.cancelled(attempt)
            return None
        try:
            wait = flight.retries.after(what, self.now)
        except CallError as final:
            self.meter.failed(attempt, final)
            return self._came(flight, Came(call.number, final))
        self.meter.retried(attempt, what, wait)
        self._hedges.ended(call, self.now, None)
        when = self.now + wait
        if what.doubtful:
            self._at(when, lambda: Doubted(call.number) if call.number in self._flights else None)
        else:
            self._at(when, lambda: self._send_again(flight))
        return None

    def _send_again(self, flight: _Flight) -> None:
        if flight.call.number in self._flights:
            self._send(flight)

    def _send_later(self, flight: _Flight) -> None:
        self._at(self.now, lambda: self._send_again(flight))

    def _came(self, flight: _Flight, happening: Came) -> Happening:
        del self._flights[flight.call.number]
        answered = isinstance(happening.what, Answer)
        self._end(flight, self.now if answered else None)
        spot = flight.asked.spot
        element = (spot.shape.step, spot.element)
        self._done[element] = max(self._done.get(element, 0), flight.asked.round)
        return happening

    def _end(self, flight: _Flight, answered: float | None) -> None:
        """End all that is left of a call: it has its answer, has failed or is cancelled."""
        for number, began in flight.open.items():
            self.meter.cancelled(Attempt(number, flight.call, began, self.now))
        flight.open.clear()
        if flight.call.policy.hedge is not None:
            self._hedges.ended(flight.call, self.now, answered)
            self._look(flight.call)

    # Hedges

    def _look(self, call: Call) -> None:
        """Send slow requests a second time, and look again when the next request will be slow."""
        then = self._hedges.look(call, self.now)
        if then is not None:
            self._at(then, lambda: self._look(call))

    def _slow(self, call: Call) -> None:
        self._at(self.now, lambda: Hedged(call.number) if call.number in self._flights else None)


def text_of(value: Json, request: Request) -> str:
    """Write a value as a model would answer with it: a text or a choice as it is, anything else as JSON."""
    if isinstance(value, str) and (request.schema is None):
        return value
    return json.dumps(value, ensure_ascii=False)


def _shown(what: Answer | CallError) -> str:
    return what.text if isinstance(what, Answer) else str(what)


def _usage(request: Request, what: Answer | CallError) -> Usage:
    text = what.text if isinstance(what, Answer | AnswerError) else ""
    return Usage(sum(_tokens(message.text) + MESSAGE_TOKENS for message in request.messages), _tokens(text))


@lru_cache(maxsize=4096)
def _tokens(text: str) -> int:
    return estimate(text)
