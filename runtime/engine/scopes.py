"""Scopes give a mention in a frame its value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flowrun.dsl import plan as p

from ..costs.budget import Price
from ..values.expressions import ModelValue, evaluate
from ..vocabulary.errors import FlowrunError
from ..vocabulary.tally import Tally
from .decisions import NOTHING, Call, Known
from .frames import NO_STEPS, Frame

Json = Any


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of a flow: its models, the default model for asks that name none, and the built-in functions.

    ``functions`` gets the name of a function, its arguments, and a function that finds the tally of a vote by name.
    ``calls_limit`` and ``money_limit`` (dollars) are the flow's budget. ``price`` gives the price of a model's address.
    ``known`` looks a call up in the journal. ``ask_doubtful``: a call that may have been paid is sent again.
    ``spent_within`` gives the calls and dollars that the run had spent before it was interrupted, in the called flow of
    a path, or in all with "".
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


class Scope:
    """The names that can be mentioned in a frame."""

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

    def among(self, name: str, value: Json) -> Scope:
        """Return the scope inside this one where a name has a value, such as the element of a map."""
        return Scope(self.context, Frame(NO_STEPS, self.frame, given={name: value}))


class Defaults:
    """The default values of parameters, worked out once for each flow or extern."""

    def __init__(self, context: Context) -> None:
        self._scope = Scope(context, Frame(NO_STEPS, None))
        self._known: dict[str, dict[str, Json]] = {}

    def filled(self, owner: str, params: Iterable[p.Param], given: Mapping[str, Json]) -> dict[str, Json]:
        """Work out the values of all parameters of an owner, in their order: the given value, the default, or None.

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
