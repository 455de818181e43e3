"""Scopes look up the values of the names that expressions in a frame mention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..costs.budget import Ledger, Price
from ..values.expressions import ModelValue, evaluate
from ..vocabulary.call import Answer, Request
from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally
from .decisions import NOTHING, Call, Failure, Known
from .frames import NO_STEPS, Frame

ReadAnswer = Callable[[Answer, Request], Json]
"""A function that reads the value of an answer to a request. It raises AnswerError if the answer has none."""


class CallWatcher:
    """A watcher of the calls of a run. This one does nothing; a replay has its own.

    ``only`` is for a watcher that needs few of the calls: the number of the one element that a map opens, by the path
    of the map. Such a map has no value.
    """

    only: Mapping[str, int] = {}

    def asked(self, call: Call, frame: Frame, read: ReadAnswer) -> None:
        """Hear of a call before it is looked up or sent. ``read`` reads the values of its answers."""

    def heard(self, call: Call, value: Json) -> None:
        """Hear the value of an answer, or the AnswerError of an answer that cannot be used."""

    def failed(self, call: Call, failure: Failure) -> None:
        """Hear that a call has failed for good."""

    def cancelled(self, call: Call) -> None:
        """Hear that nothing needs a call any more."""

    def decided(self, condition: p.Expr, *, holds: bool) -> None:
        """Hear whether a condition holds: the `when` of a step, the check of an answer, or the `until` of a round."""

    def chosen(self, match: p.Match, branch: int) -> None:
        """Hear which branch of a match runs, by its place."""

    def lost(self, reduce: p.Reduce) -> None:
        """Hear that a block with this reducer goes on without one of its results."""


NO_WATCHER = CallWatcher()


@dataclass(frozen=True, slots=True)
class BatchModels:
    """The models that a run can ask through batch APIs.

    ``batches`` has them by address. True says that a model is asked so unless the flow says otherwise.
    """

    batches: Mapping[str, bool] = field(default_factory=dict, kw_only=True)


def not_asked() -> int | None:
    return None


@dataclass(frozen=True, slots=True)
class KeepingModels(BatchModels):
    """The models whose servers keep the beginnings of prompts.

    ``strands`` has by address the number of strands in which a map opens its elements, so that those whose prompts
    begin alike are sent one after another. ``marked`` is False if no server needs to be told which beginning to keep.
    ``left`` returns the most calls that the journal can still answer, None if that is not known or if nobody asks.
    """

    strands: Mapping[str, int] = field(default_factory=dict, kw_only=True)
    marked: bool = field(default=True, kw_only=True)
    left: Callable[[], int | None] = field(default=not_asked, kw_only=True)


def _here(step: p.Step) -> bool:
    return False


def _no_path(path: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class PlacedSteps(KeepingModels):
    """The maps and repeats whose bodies run elsewhere: those for which ``placing`` is True.

    ``ledger`` has the budget of the run if other processes share it. ``stays`` tells by its path if a body runs here
    all the same.
    """

    placing: Callable[[p.Step], bool] = field(default=_here, kw_only=True)
    stays: Callable[[str], bool] = field(default=_no_path, kw_only=True)
    ledger: Ledger | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Context(PlacedSteps):
    """The facts about a run that do not change: its models, its limits, and the functions that look things up.

    ``default_model`` answers asks that name no model. ``functions`` calls a built-in function other than a read. It
    gets the name, the arguments, and a function that finds the tally of a vote by name. ``calls_limit`` and
    ``money_limit`` (dollars) are the budget of the run. ``price`` returns the price of a model by its address.
    ``known`` looks a call up in the journal. If ``ask_doubtful`` is True, a call that may have been paid is sent again.
    ``spent_within`` returns the calls and dollars that the run had spent before it was interrupted: within the called
    flow of a path, or in total for "". ``now`` returns the seconds since the run began, for the times of events.
    ``watcher`` hears of all calls and their values. ``unheard`` are the types of events that nobody takes; the engine
    makes none of those that are frequent.
    """

    models: Mapping[str, ModelValue]
    default_model: ModelValue
    functions: Callable[[str, Mapping[str, Json], Callable[[str], Tally | None]], Json]
    calls_limit: int | None = None
    money_limit: float | None = None
    price: Callable[[str], Price | None] = lambda address: None
    known: Callable[[Call], Known] = lambda call: NOTHING
    ask_doubtful: bool = True
    spent_within: Callable[[str], tuple[int, float]] = lambda path: (0, 0.0)
    now: Callable[[], float] = lambda: 0.0
    watcher: CallWatcher = NO_WATCHER
    unheard: frozenset[type] = frozenset()


class Scope:
    """The names that an expression in a frame can mention."""

    __slots__ = ("context", "frame")

    def __init__(self, context: Context, frame: Frame) -> None:
        self.context = context
        self.frame = frame

    def value(self, name: str) -> Json:
        frame: Frame | None = self.frame
        while frame is not None:
            if name in frame.given:
                return frame.given[name]
            if name in frame.values:
                return frame.values[name]
            frame = frame.parent
        if name in self.context.models:
            return self.context.models[name]
        raise FlowrunError(f"the name `{name}` is unknown here")

    def tally(self, name: str) -> Tally | None:
        return next((frame.tallies[name] for frame in self.frame.outward() if name in frame.tallies), None)

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        return self.context.functions(function, args, self.tally)

    def options(self, options: Mapping[str, p.Expr]) -> dict[str, Json]:
        return {name: evaluate(expr, self) for name, expr in options.items()}

    def among(self, given: dict[str, Json]) -> Scope:
        """Return an inner scope with more names, such as the element of a map, and their values."""
        return Scope(self.context, Frame(NO_STEPS, self.frame, given=given))


class Defaults:
    """The default values of parameters. They are worked out once for each flow or extern."""

    def __init__(self, context: Context) -> None:
        self._scope = Scope(context, Frame(NO_STEPS, None))
        self._known: dict[str, dict[str, Json]] = {}

    def filled(self, owner: str, params: Iterable[p.Param], given: Mapping[str, Json]) -> dict[str, Json]:
        """Return the values of all parameters of an owner, in order: the given value, else the default, else None.

        Raises FlowrunError if a default cannot be worked out.
        """
        known = self._known.setdefault(owner, {})
        values = {}
        for param in params:
            if param.name in given:
                values[param.name] = given[param.name]
                continue
            if param.name not in known:
                known[param.name] = None if param.default is None else evaluate(param.default, self._scope)
            values[param.name] = known[param.name]
        return values
