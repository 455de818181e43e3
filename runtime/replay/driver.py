"""The replay of a plan: a state machine that a source drives to its end. It has no clock, no network and no files."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from typing import Literal

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..engine.decisions import (
    Call,
    Cancel,
    Decision,
    Failure,
    Finish,
    HandOn,
    Known,
    Launch,
    LaunchExtern,
    Outcome,
    Read,
    StartTimer,
    StopTimer,
)
from ..engine.frames import Frame
from ..engine.scopes import CallWatcher, Context, ReadAnswer
from ..engine.state import State
from ..plans.models import declared_models
from ..values.expressions import ModelValue
from ..values.functions import call_function
from ..vocabulary.call import Message, Request
from ..vocabulary.errors import AnswerError, FlowrunError, UsageError
from ..vocabulary.json_value import Json
from .call_surroundings import surroundings_of
from .source import UNKNOWN, AnswerSource, Came, Doubted, Happening, Hedged, Returned, TimedOut, Widened

End = Literal["answered", "failed", "cancelled", "waiting"]
WINDOW = 1024
"""The usual number of bodies that a block may have open at once."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as the flow took it: the key of its call in the journal, and its value.

    ``value`` is an AnswerError if the answer cannot be used.
    """

    key: bytes
    value: Json


@dataclass(eq=False, slots=True)
class ReplayedCall:
    """A call of a replay, with all its repetitions.

    ``call`` is its last repetition, ``request`` its first request. ``all`` are all repetitions, and ``known`` what was
    found of each in the journal. ``end`` is ``waiting`` as long as the source has not answered. ``reason`` is the
    reason of a failure.
    """

    call: Call
    request: Request
    labels: tuple[str, ...]
    vote: str
    read: ReadAnswer
    end: End = "waiting"
    reason: str = ""
    heard: list[Heard] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    all: list[Call] = field(default_factory=list)
    launched: bool = False

    @property
    def corrections(self) -> Mapping[bytes, tuple[Message, ...]]:
        """The messages that each repetition sent behind those of the first request, by its key in the journal."""
        first = len(self.request.messages)
        return {one.known.key: one.messages[first:] for one in self.all}


class Replay(CallWatcher):
    """A replay under way. Iterate over it: it yields each call when the call has its end.

    Calls that have no end are yielded last. After the iteration ``outcome`` is the outcome of the flow, or of the part
    that the source has answers for; ``finished`` tells whether the flow came to its end. ``places`` returns the
    requests that the endpoint of a model takes at once, None if that is not known.
    """

    def __init__(
        self,
        plan: p.Plan,
        inputs: Mapping[str, Json],
        source: AnswerSource,
        context: Context,
        window: int,
        only: Mapping[str, int] | None = None,
        places: Callable[[str], int | None] | None = None,
    ) -> None:
        self.source = source
        self.only = only or {}
        self.finished = False
        self.unread: list[str] = []
        self._window = window
        self._open: dict[str, ReplayedCall] = {}
        self._calls: dict[int, Call] = {}
        self._over: deque[ReplayedCall] = deque()
        self._outcome: Outcome | None = None
        self._state = State(plan, inputs, replace(context, known=self._known, watcher=self), window=window)
        if places is not None:
            self._state.see(places)

    @property
    def outcome(self) -> Outcome:
        return self._outcome or self._state.abandoned()

    @property
    def values(self) -> dict[str, Json]:
        """The values of the flow's parameters and of its finished steps."""
        return self._state.values

    def failure(self, step: str) -> Failure | None:
        """Return the failure of a step of the flow itself; None if it has not failed."""
        return self._state.failure(step)

    def __iter__(self) -> Iterator[ReplayedCall]:
        self._act(self._state.begin())
        yield from self._ended()
        while not self.finished and (happening := self.source.next()) is not None:
            self._act(self._tell(happening))
            if self._over:
                yield from self._ended()
        yield from self._open.values()
        self._open.clear()

    def _ended(self) -> Iterator[ReplayedCall]:
        while self._over:
            yield self._over.popleft()

    # What the state machine reports

    def asked(self, call: Call, frame: Frame, read: ReadAnswer) -> None:
        self._calls[call.number] = call
        found = self._open.get(call.place)
        if found is None:
            labels, vote = surroundings_of(frame)
            found = self._open[call.place] = ReplayedCall(call, call.request, labels, vote, read)
        found.call = call
        found.all.append(call)

    def heard(self, call: Call, value: Json) -> None:
        found = self._open.get(call.place)
        if found is not None:
            found.heard.append(Heard(call.known.key, value))
            if not isinstance(value, AnswerError):
                self._end(call, "answered")

    def failed(self, call: Call, failure: Failure) -> None:
        found = self._open.get(call.place)
        if found is not None:
            found.reason = failure.reason
            self._end(call, "failed")

    def _known(self, call: Call) -> Known:
        known = self.source.known(call)
        self._open[call.place].known.append(known)
        return known

    def _end(self, call: Call, end: End) -> None:
        self._calls.pop(call.number, None)
        found = self._open.pop(call.place, None)
        if found is not None:
            found.end = end
            self._over.append(found)

    # What the state machine decides

    def _tell(self, happening: Happening) -> list[Decision]:
        state = self._state
        match happening:
            case Came(number, what, usage):
                if isinstance(what, FlowrunError):
                    return state.failed(number, what)
                return state.answered(number, what, usage)
            case Doubted(number):
                afforded, decisions = state.doubted(number)
                if afforded:
                    self.source.allowed(happening)
                return decisions
            case Hedged(number):
                if state.hedged(number):
                    self.source.allowed(happening)
                return []
            case Returned(number, value):
                if isinstance(value, FlowrunError):
                    return state.raised(number, value)
                return state.returned(number, value)
            case TimedOut(number):
                return state.timed_out(number)
            case Widened(window):
                state.widened(window)
                return []

    def _act(self, decisions: Iterable[Decision]) -> None:
        todo = deque(decisions)
        source, state = self.source, self._state
        while todo or state.paused:
            if not todo:
                todo.extend(state.go_on())
                continue
            decision = todo.popleft()
            match decision:
                case Launch(call):
                    if (entry := self._open.get(call.place)) is not None:
                        entry.launched = True
                    source.launched(call)
                case Cancel(number):
                    self._cancel(number)
                case LaunchExtern():
                    source.launched_extern(decision)
                case Read(number):
                    todo.extend(state.read(number, self._read(decision)))
                case StartTimer(number, seconds):
                    source.started(number, seconds)
                case StopTimer(number):
                    source.stopped(number)
                case HandOn():
                    pass
                case Finish(outcome):
                    self._outcome, self.finished = outcome, True
        source.noted(state.events)
        state.events.clear()

    def _cancel(self, number: int) -> None:
        call = self._calls.get(number)
        if call is not None:
            self.source.cancelled(call)
            self._end(call, "cancelled")

    def _read(self, read: Read) -> Json:
        value = self.source.read(read)
        if value is not UNKNOWN:
            return value
        name = read.args.get("pattern" if read.function == "files" else "path", "")
        self.unread.append(f"{read.function}({name})")
        return UsageError(f"the replay does not know what `{read.function}({name})` read")


def replay(
    plan: p.Plan,
    inputs: Mapping[str, Json],
    source: AnswerSource,
    context: Context | None = None,
    *,
    model: str = "",
    window: int = WINDOW,
) -> Replay:
    """Drive a plan to its end with the answers of a source. Iterate over the result for its calls.

    ``inputs`` are typed values, as ``load`` and the command line make them. ``model`` is the model of asks that name
    none. ``context`` replaces both with the facts of a run, such as its budgets. ``window`` is the number of bodies
    that a block may have open at once at first.
    """
    return Replay(plan, inputs, source, context or context_of(plan, model), window)


def context_of(plan: p.Plan, model: str) -> Context:
    """Make the context of a plan: its models and the limits of its budget."""
    declared = declared_models(plan)
    default = declared.get(model) or ModelValue(model, model)
    return Context(declared, default, call_function, plan.calls_limit, plan.money_limit)
