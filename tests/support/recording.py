"""The recording of a run. For each turn of the state machine it holds the event and the decisions.

The state machine depends on nothing else. So the same events lead to the same decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields, is_dataclass, replace
from functools import partial
from typing import Any

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p
from flowrun.runtime.engine.decisions import Decision, Known
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.errors import BudgetError, CallError, FlowrunError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.usage import NO_USAGE, Price, Usage


@dataclass(slots=True)
class Turn:
    """One turn of the state machine: the ``event``, its arguments, and the decisions as tuples.

    During a turn the machine may ask the journal, the prices, the account of money spent before, and the endpoints for
    their free places. ``found`` holds their answers in order.
    """

    event: str
    args: tuple[Any, ...]
    found: list[Any] = field(default_factory=list)
    decisions: tuple[Any, ...] = ()


@dataclass(slots=True)
class Recording:
    """All turns of a run, with the plan, the inputs and the window from its start. ``sees`` the places of endpoints."""

    plan: p.Plan
    inputs: Mapping[str, Json]
    window: int
    handed: p.Step | None = None
    turns: list[Turn] = field(default_factory=list)
    sees: bool = False


class ReplayError(FlowrunError):
    """The replayed run made other decisions than the recorded run."""


class RecordedState(State):
    """A state machine that records its turns in ``recording``."""

    def __init__(
        self,
        plan: p.Plan,
        inputs: Mapping[str, Json],
        context: Context,
        window: int = 256,
        *,
        handed: p.Step | None = None,
    ) -> None:
        self.recording = Recording(plan, dict(inputs), window, handed, [Turn("made", ())])
        super().__init__(plan, inputs, _watched(context, self._find), window, handed=handed)

    def see(self, places: Callable[[str], int | None]) -> None:
        self.recording.sees = True
        super().see(lambda model: self._find(places(model)))

    def begin(self) -> list[Decision]:
        return self._list("begin", super().begin)

    def widened(self, window: int) -> None:
        self._turn("widened", super().widened, window)

    def answered(self, number: int, answer: Answer, usage: Usage = NO_USAGE) -> list[Decision]:
        return self._list("answered", super().answered, number, answer, usage)

    def failed(self, number: int, error: CallError | BudgetError) -> list[Decision]:
        return self._list("failed", super().failed, number, error)

    def doubted(self, number: int, *, live: bool = False) -> tuple[bool, list[Decision]]:
        afforded, decisions = self._turn("doubted", partial(super().doubted, live=live), number)
        return afforded, decisions

    def hedged(self, number: int) -> bool:
        return bool(self._turn("hedged", super().hedged, number))

    def timed_out(self, number: int) -> list[Decision]:
        return self._list("timed_out", super().timed_out, number)

    def returned(self, number: int, value: Json) -> list[Decision]:
        return self._list("returned", super().returned, number, value)

    def raised(self, number: int, error: FlowrunError) -> list[Decision]:
        return self._list("raised", super().raised, number, error)

    def read(self, number: int, value: Json) -> list[Decision]:
        return self._list("read", super().read, number, value)

    def slow(self, number: int) -> list[Decision]:
        return self._list("slow", super().slow, number)

    def _list(self, event: str, act: Callable[..., list[Decision]], *args: Any) -> list[Decision]:
        decisions: list[Decision] = self._turn(event, act, *args)
        return decisions

    def _turn(self, event: str, act: Callable[..., Any], *args: Any) -> Any:
        turn = Turn(event, args)
        self.recording.turns.append(turn)
        out = act(*args)
        turn.decisions = row(out)
        return out

    def _find(self, found: Any) -> Any:
        self.recording.turns[-1].found.append(found)
        return found


def replay(recording: Recording, context: Context) -> State:
    """Run a recording again. Return the state machine at its end.

    Only the models and functions of the context are used. Raises ReplayError at the first decision that differs.
    """
    found: list[Any] = []

    def again(_: Any) -> Any:
        if not found:
            raise ReplayError("the replayed run looks up a value that the recorded run did not look up")
        return found.pop(0)

    turns = iter(recording.turns)
    found += next(turns).found
    inner = replace(context, known=again, price=again, spent_within=again)
    state = State(recording.plan, recording.inputs, inner, recording.window, handed=recording.handed)
    if recording.sees:
        state.see(again)
    for number, turn in enumerate(turns):
        found[:] = turn.found
        out = row(getattr(state, turn.event)(*turn.args))
        if out != turn.decisions:
            said = f"{out!r:.200}, recorded is {turn.decisions!r:.200}"
            raise ReplayError(f"turn {number} (`{turn.event}`) decides {said}")
    return state


def row(value: Any) -> Any:
    """Turn decisions into tuples that can be compared. Each has the name and the fields of its decision."""
    if isinstance(value, list):
        return tuple(row(one) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return (type(value).__name__, *(row(getattr(value, one.name)) for one in fields(value) if one.compare))
    if isinstance(value, tuple):
        return tuple(row(one) for one in value)
    if isinstance(value, FlowrunError):
        return type(value).__name__, str(value)
    return value


def _watched(context: Context, find: Callable[[Any], Any]) -> Context:
    """Return a context that gives ``find`` every value that is looked up in it."""
    known: Callable[[Any], Known] = lambda call: find(context.known(call))  # noqa: E731
    price: Callable[[str], Price | None] = lambda address: find(context.price(address))  # noqa: E731
    spent: Callable[[str], tuple[int, float]] = lambda path: find(context.spent_within(path))  # noqa: E731
    return replace(context, known=known, price=price, spent_within=spent)
