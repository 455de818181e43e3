"""The run of a test, as expectations look at it: its values, its figures and the ends of its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from flowrun.dsl import dataclass, test_plan
from flowrun.dsl import plan as p
from flowrun.runtime.engine.decisions import Failure, Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.replay.driver import Replay, ReplayedCall
from flowrun.runtime.values.expressions import Names
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.errors import FlowrunError, UsageError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.quoting import shown

from .answers import ScriptedSource
from .places import Places, Spot


class NoFigure(FlowrunError):
    """A figure of the run that is not known, such as the cost of a model without a price."""


@dataclass(eq=False, slots=True)
class Ran:
    """The run of a test: its outcome, its values and its calls.

    ``given`` has the names of the test: its helper values, and the row of its table. ``ends`` are the ends of steps.
    ``waiting`` are the calls without an answer.
    """

    replay: Replay
    source: ScriptedSource
    places: Places
    context: Context
    plan: p.Plan
    given: Mapping[str, Json]
    ends: Sequence[e.Event]
    waiting: Sequence[ReplayedCall] = ()

    @property
    def outcome(self) -> Outcome:
        return self.replay.outcome

    def figures(self) -> dict[str, Callable[[], Json]]:
        summary = self.source.meter.summary
        return {
            "calls": lambda: summary.account.calls,
            "requests": lambda: summary.account.requests,
            "tokens": lambda: summary.account.input_tokens + summary.account.output_tokens,
            "cost": self._cost,
            "retries": lambda: summary.retries,
        }

    @property
    def cost(self) -> float | None:
        """The cost of the run in dollars, None if a price is not known."""
        return self.source.meter.summary.cost

    def _cost(self) -> Json:
        summary = self.source.meter.summary
        cost = self.cost
        if cost is None:
            models = [model for model in summary.account.models if summary.prices(model) is None]
            named = ", ".join(shown(model) for model in models if model) or "a model that the flow does not name"
            raise NoFigure(f"the cost is not known, because flowrun knows no price of {named}")
        return cost

    def reason(self) -> str:
        """Return why the flow failed, with the path of the step."""
        first = next(iter(self.outcome.failures), None)
        if first is None:
            return "it did not come to its end"
        return f"`{self.places.spot(first.path).path}`: {first.reason}"

    def rounds(self, step: str) -> int:
        return self.source.rounds.get(step, 0)


class ExpectNames(Names):
    """The names of an expectation: those of the flow, ``result``, those of the test, and the figures of the run."""

    def __init__(self, ran: Ran) -> None:
        self.ran = ran
        self._values = ran.replay.values
        self._figures = ran.figures()
        self._own = {step.name for step in ran.plan.steps}

    def value(self, name: str) -> Json:
        ran = self.ran
        if name in self._values:
            return self._values[name]
        if name in self._own:
            failure = ran.replay.failure(name)
            why = f"it failed: {failure.reason}" if failure is not None else "the flow ended before"
            raise UsageError(f"`{name}` has no value, because {why}")
        if name == "result":
            if not ran.outcome.complete:
                raise UsageError(f"the flow has no result, because it failed: {ran.reason()}")
            return ran.outcome.value
        if name in ran.given:
            return ran.given[name]
        if name in self._figures:
            return self._figures[name]()
        if name.startswith("rounds("):
            return ran.rounds(name.removeprefix("rounds(").removesuffix(")"))
        if name in ran.context.models:
            return ran.context.models[name]
        raise UsageError(f"the name `{name}` is unknown here")

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        tallies = self.ran.outcome.tallies
        return self.ran.context.functions(function, args, tallies.get)


class StepEnds:
    """The ends of one step in a run, at all places that its path stands for."""

    def __init__(self, ran: Ran, step: str, path: Sequence[test_plan.PathPart]) -> None:
        self.ran = ran
        self.step = step
        self.path = path

    def failures(self) -> list[str]:
        """Return why the step failed, at each of its places where it did."""
        ran, ends = self.ran, self.ran.ends
        finished = {end.path for end in ends if isinstance(end, e.StepFinished)}
        failures: list[Failure | e.StepFailed | e.ElementLost] = [*ran.outcome.failures, *ran.outcome.losses]
        failures += [end for end in ends if isinstance(end, e.StepFailed | e.ElementLost)]
        if len(self.path) == 1 and (own := ran.replay.failure(self.path[0].name)) is not None:
            return [own.reason]
        found: dict[str, None] = {}
        for one in failures:
            prefix = self._prefix(one.path)
            if prefix and prefix not in finished:
                found[one.reason] = None
        return list(found)

    def _prefix(self, path: str) -> str:
        """Return the beginning of an engine's path that is the step of the expectation, "" if there is none."""
        parts = path.split(".")
        for end in range(1, len(parts) + 1):
            part = ".".join(parts[:end])
            if self.is_step(self.ran.places.spot(part)):
                # Without a number the step is meant, not one of its elements or samples.
                whole = part.endswith("]") and self.path[-1].index is None
                return part[: part.rindex("[")] if whole else part
        return ""

    def is_step(self, spot: Spot) -> bool:
        """Tell whether a place is one of the step."""
        return spot.shape.step == self.step and spot.fits(self.path)

    def finished(self) -> list[e.StepFinished]:
        """Return the ends at which the step has its value, or was skipped."""
        finished = [end for end in self.ran.ends if isinstance(end, e.StepFinished)]
        return [end for end in finished if self.is_step(self.ran.places.spot(end.path))]

    def passed_by(self) -> bool:
        """Tell whether a match or a cascade around the step has its value, and went another way."""
        finished = [end for end in self.ran.ends if isinstance(end, e.StepFinished)]
        matches = [end for end in finished if end.kind in ("match", "cascade")]
        return not self.finished() and any(self._is_in(self.ran.places.spot(end.path)) for end in matches)

    def _is_in(self, spot: Spot) -> bool:
        return self.step.startswith(f"{spot.shape.step}.") and all(
            one.index is None or one.index == at for one, at in zip(self.path, spot.at, strict=False)
        )

    def said(self) -> str:
        """Write how the step ended, behind a message."""
        ends = self.finished()
        if not ends:
            return ": it was never reached" if not self.failures() else ": it failed"
        return ": it was skipped" if all(end.skipped for end in ends) else ": it has a value"
