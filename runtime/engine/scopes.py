"""What a mention in a frame means, and what steps are called for people."""

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
from .frames import Frame, Layout

Json = Any


@dataclass(frozen=True, slots=True)
class Context:
    """What is around a flow: its models, the one for asks that name none, and the built-in functions.

    ``functions`` is called with a function's name, its arguments, and a way to a vote's tally by its name.
    ``calls_limit`` and ``money_limit`` (dollars) are the flow's budget; ``price`` tells what a model's address costs.
    ``known`` tells what the journal has of a call; ``ask_doubtful`` that one which may have been paid is sent again.
    ``spent_within`` tells what the run had spent, before it was interrupted, in the called flow of a path, "" for all
    of it: calls and dollars.
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
    """The names that a mention in a frame can mean."""

    __slots__ = ("context", "frame")

    def __init__(self, context: Context, frame: Frame) -> None:
        self.context = context
        self.frame = frame

    def value(self, name: str) -> Json:
        for frame in self.frame.outward():
            if name in frame.given:
                return frame.given[name]
            if name in frame.values:
                return frame.values[name]
        if name in self.context.models:
            return self.context.models[name]
        raise FlowrunError(f"nothing is called `{name}` here")

    def tally(self, name: str) -> Tally | None:
        return next((frame.tallies[name] for frame in self.frame.outward() if name in frame.tallies), None)

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        return self.context.functions(function, args, self.tally)

    def options(self, options: Mapping[str, p.Expr]) -> dict[str, Json]:
        return {name: evaluate(expr, self) for name, expr in options.items()}


class Defaults:
    """What parameters are where nothing is given for them: worked out once for each flow or extern."""

    def __init__(self, context: Context) -> None:
        self._scope = Scope(context, Frame(Layout((), None), None))
        self._known: dict[str, dict[str, Json]] = {}

    def filled(self, owner: str, params: Iterable[p.Param], given: Mapping[str, Json]) -> dict[str, Json]:
        """The values of all the parameters of an owner, in their order. Raises FlowrunError where there is none."""
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


def path_of(frame: Frame, step: p.Step) -> str:
    """A step's name through its blocks and the calls of its flow, with the place of each element.

    ``notes[3].draft`` is the step ``draft`` of element 3 of ``notes``, or of the flow that it calls.
    """
    if frame.prefix is None:
        run = frame.run
        if run is None:
            frame.prefix = ""
        elif isinstance(run.step.node, (p.Map, p.Repeat)):
            frame.prefix = f"{run.around.path}[{frame.place}]."
        else:
            frame.prefix = f"{run.around.path}."
    return frame.prefix + step.title


def steps_once(steps: Iterable[p.Step]) -> int:
    """How many of these steps, and of those inside them, run once each time the block does.

    Those of a called flow are not among them: it tells of them when it begins.
    """
    count = 0
    for step in steps:
        count += 1
        if isinstance(step.node, (p.Fanout, p.Chain)):
            count += steps_once(step.node.body.steps)
    return count
