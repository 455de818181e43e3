"""The answers of a test: the look-up of the answer to a call, and the faults of a test that it shows."""

from __future__ import annotations

import json
from collections.abc import Callable

from flowrun.dsl import dataclass, test_plan
from flowrun.dsl import plan as p
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.engine.frames import NO_STEPS, Frame
from flowrun.runtime.engine.scopes import Context, Scope
from flowrun.runtime.values.expressions import evaluate
from flowrun.runtime.vocabulary.call import Answer, Request
from flowrun.runtime.vocabulary.errors import AnswerError, CallError, FlowrunError, PermanentError, UncheckedError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.usage import Usage

from .failures import call_error
from .outcome import Problem, TestedCall
from .places import Spot
from .script import Line, Script


@dataclass(frozen=True, slots=True)
class Scripted:
    """An answer that the test or a cassette has for a call.

    ``seconds`` is the time that it takes, None for ever. It comes at the virtual time ``due`` or later. ``answer`` is
    the line's own answer, None for an answer of a cassette.
    """

    what: Answer | CallError
    seconds: float | None = 0.0
    answer: test_plan.Answer | None = None
    usage: Usage | None = None
    due: float = 0.0


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that a call got, and the place of the call."""

    call: Call
    spot: Spot
    what: Answer | CallError


Other = Callable[[Call, Spot], Scripted | None]
"""A function that answers calls that no line of the test answers: a cassette."""


@dataclass(eq=False, slots=True)
class Asked:
    """A question of the flow: its place, the frame in which it is asked, and its round.

    ``ballot`` is True if the answer is a ballot, which is never corrected. ``answer`` is the answer that came, of the
    reply ``line``.
    """

    spot: Spot
    frame: Frame
    round: int
    ballot: bool
    answer: test_plan.Answer | None = None
    line: Line | None = None


class AnswerBook:
    """The answers of a test by the place of the call.

    ``other`` answers calls that no line of the test answers. ``calls`` are the answers that were given, and
    ``given`` the same answers with their calls. ``missing`` counts the calls without an answer by their step.
    """

    def __init__(self, script: Script, context: Context, other: Other | None = None) -> None:
        self.script = script
        self.other = other
        self.calls: list[TestedCall] = []
        self.given: list[Given] = []
        self.missing: dict[str, int] = {}
        self._scope = Scope(context, Frame(NO_STEPS, None, given=dict(script.given)))

    def find(self, call: Call, asked: Asked) -> Scripted:
        """Find the answer to a call. If there is none, the call fails, and the test too."""
        line = self.script.line(asked.spot, Scope(self._scope.context, asked.frame))
        if line is None:
            found = None if self.other is None else self.other(call, asked.spot)
            if found is not None:
                self._note(call, asked.spot, found.what, _shown(found.what), 0)
                return found
            self.missing[asked.spot.shape.step] = self.missing.get(asked.spot.shape.step, 0) + 1
            return Scripted(PermanentError("the test has no reply for this call"))
        asked.line = line
        answer = line.next(asked.spot, ballot=asked.ballot)
        if answer is None:
            many = len(line.reply.answers)
            _, samples = asked.spot.sample(line.fixed)
            said = f"`{asked.spot.path}` needs another answer, and this line has {many}"
            help = f"write one answer for all, or {samples} answers" if samples > 1 else "write another answer"
            self._complain(line.reply.place, said, help)
            return Scripted(PermanentError("the test has no further answer for this call"))
        try:
            found = self._read(answer, call.request, call.model)
        except FlowrunError as error:
            self._complain(answer.place, f"this answer has no value: {error}")
            return Scripted(PermanentError(str(error)))
        plain = answer.kind != "value" or isinstance(answer.value, p.Constant | p.Items | p.RecordOf)
        said = answer.place.text if plain else f"{_shown(found.what)} ({answer.place.text})"
        self._note(call, asked.spot, found.what, said, answer.place.line)
        return found

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

    def _note(self, call: Call, spot: Spot, what: Answer | CallError, answer: str, line: int) -> None:
        self.given.append(Given(call, spot, what))
        self.calls.append(TestedCall(spot.path, answer, line))

    def _complain(self, place: test_plan.Place, message: str, help: str = "") -> None:
        """Note a fault of a line. The first one at each place is enough."""
        if all(one.place != place for one in self.script.problems):
            self.script.problems.append(Problem(place, message, help))

    def heard(self, asked: Asked, value: Json) -> None:
        """Hear the value of an answer, or the AnswerError of an answer that does not fit."""
        if asked.answer is None:
            return
        answer = asked.answer
        if answer.kind == "malformed" and not isinstance(value, AnswerError):
            self._complain(answer.place, f"this answer is not malformed: `{asked.spot.path}` takes it")
        elif isinstance(value, UncheckedError):
            # A test may answer with a value that fails the check of its ask.
            if asked.line is not None:
                asked.line.refuse(asked.spot.element, answer)
        elif answer.kind in ("value", "slow") and isinstance(value, AnswerError):
            self._complain(answer.place, f"this answer does not fit: {value}")


def text_of(value: Json, request: Request) -> str:
    """Write a value as a model would answer with it: a text or a choice as it is, anything else as JSON."""
    if isinstance(value, str) and (request.schema is None):
        return value
    return json.dumps(value, ensure_ascii=False)


def _shown(what: Answer | CallError) -> str:
    return what.text if isinstance(what, Answer) else str(what)
