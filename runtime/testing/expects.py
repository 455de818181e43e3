"""The check of a test's expectations against the run of its flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isclose

from flowrun.dsl import NoValueError, combined, dataclass, pattern, test_plan, types
from flowrun.dsl import plan as p
from flowrun.runtime.documents.fitting import Problems, fit
from flowrun.runtime.engine.decisions import Failure, Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.replay.driver import Replay
from flowrun.runtime.values.expressions import Names, evaluate
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.errors import FlowrunError, UsageError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.quoting import shown

from .answers import ScriptedSource
from .differences import differences, text_of
from .outcome import Failed, TestedCall
from .places import Places, Spot

_RELATIVE, _ABSOLUTE = 1e-6, 1e-9
"""How near two numbers are for ``about`` without ``within``."""
_NUMBERS = pattern(r"\[[^\]]*\]")
MOST_CALLS = 12
"""The most calls that a failure lists."""


class NoFigure(FlowrunError):
    """A figure of the run that is not known, such as the cost of a model without a price."""


@dataclass(eq=False, slots=True)
class Ran:
    """The run of a test: its outcome, its values and its calls. ``ends`` are the ends of steps."""

    replay: Replay
    source: ScriptedSource
    places: Places
    context: Context
    plan: p.Plan
    row: Mapping[str, Json] | None
    ends: Sequence[e.Event]

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

    def _cost(self) -> Json:
        summary = self.source.meter.summary
        cost = summary.cost
        if cost is None:
            models = [model for model in summary.account.models if summary.prices(model) is None]
            named = ", ".join(shown(model) for model in models if model) or "a model that the flow does not name"
            raise NoFigure(f"the cost is not known, because flowrun knows no price of {named}")
        return cost

    def rounds(self, step: str) -> int:
        return self.source.rounds.get(step, 0)


class ExpectNames(Names):
    """The names of an expectation: the flow's parameters and steps, ``result``, ``row``, and the figures of the run."""

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
                raise UsageError(f"the flow has no result: {_reason(ran.outcome)}")
            return ran.outcome.value
        if name == "row" and ran.row is not None:
            return ran.row
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


def check(expect: test_plan.Expect, ran: Ran) -> Failed | None:
    """Check an expectation. Return None if it holds."""
    return _Check(expect, ran).failure()


def _reason(outcome: Outcome) -> str:
    first = next(iter(outcome.failures), None)
    return f"{first.path}: {first.reason}" if first is not None else "it did not come to its end"


class _Check:
    def __init__(self, expect: test_plan.Expect, ran: Ran) -> None:
        self.expect = expect
        self.ran = ran
        self.names = ExpectNames(ran)

    def failure(self) -> Failed | None:
        try:
            match self.expect.kind:
                case "holds":
                    return self._holds()
                case "matches":
                    return self._matches()
                case "contains":
                    return self._contains()
                case "about":
                    return self._about()
                case "failed":
                    return self._failed()
                case "skipped":
                    return self._skipped()
                case "asked":
                    return self._asked()
        except (FlowrunError, NoValueError) as error:
            return self._fault(str(error))

    def _value(self, expr: p.Expr | None) -> Json:
        return None if expr is None else evaluate(expr, self.names)

    def _fault(self, message: str, *sides: Json, help: str = "") -> Failed:
        """Make the failure. ``sides`` are the values on the left and on the right, if there are any."""
        left, right = (*(text_of(side) for side in sides), "", "")[:2]
        return Failed(
            self.expect.place,
            message,
            help,
            left,
            right,
            differences(*sides) if len(sides) == 2 else (),
            tuple(self._named(left)),
            tuple(self._calls()),
        )

    def _named(self, left: str) -> list[str]:
        found = []
        for name in self.expect.names:
            try:
                value = text_of(self.names.value(name), 200)
            except FlowrunError as error:
                value = str(error)
            if value != left:
                found.append(f"{name} = {value}")
        return found

    def _calls(self) -> list[TestedCall]:
        """Return the calls of the steps that the expectation names, or else all calls."""
        steps = {*self.expect.names, self.expect.step} - {""}
        calls = self.ran.source.calls
        own = [call for call in calls if any(_under(call.path, step) for step in steps)]
        return (own or calls)[: MOST_CALLS + 1]

    # The kinds of expectations

    def _holds(self) -> Failed | None:
        expect = self.expect
        if not expect.operator:
            return None if self._value(expect.left) else self._fault("this is false")
        left, right = self._value(expect.left), self._value(expect.right)
        if combined(expect.operator, left, right):
            return None
        said = {"==": "the two are not equal", "!=": "the two are equal", "in": "the left is not in the right"}
        return self._fault(said.get(expect.operator, f"the left is not {expect.operator} the right"), left, right)

    def _matches(self) -> Failed | None:
        expect = self.expect
        value, wanted = self._value(expect.left), expect.type
        assert wanted is not None
        problems = Problems()
        fitted = fit(value, wanted, (), problems)
        matches = not problems.count and fitted == value
        if matches != expect.negated:
            return None
        if matches:
            return self._fault(f"the value matches {types.show(wanted)}", value)
        why = f": {problems.told[0]}" if problems.told else ""
        return self._fault(f"the value does not match {types.show(wanted)}{why}", value)

    def _contains(self) -> Failed | None:
        left, right = self._value(self.expect.left), self._value(self.expect.right)
        found = isinstance(left, Mapping | list | tuple) or (isinstance(left, str) and isinstance(right, str))
        found = found and right in left
        if found != self.expect.negated:
            return None
        has = "contains" if found else "does not contain"
        return self._fault(f"the left {has} the right", left, right)

    def _about(self) -> Failed | None:
        expect = self.expect
        left, right, within = self._value(expect.left), self._value(expect.right), self._value(expect.within)
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            return self._fault("`about` compares numbers, and here is another value", left, right)
        if within is None:
            near = isclose(left, right, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
        else:
            # So that 0.75 is within 0.05 of 0.7, whatever binary fractions make of it.
            near = abs(left - right) <= within or isclose(abs(left - right), within, rel_tol=1e-9)
        if near != expect.negated:
            return None
        how = "near to" if near else "not near to"
        return self._fault(f"the left is {how} the right: they differ by {abs(left - right):g}", left, right)

    def _failed(self) -> Failed | None:
        expect, outcome = self.expect, self.ran.outcome
        wanted = self._value(expect.right)
        if not expect.step:
            reasons = [] if outcome.complete else [one.reason for one in outcome.failures] or [_reason(outcome)]
            what = "the flow"
        else:
            reasons = self._failures_of()
            what = f"`{expect.step}`"
        fitting = [reason for reason in reasons if wanted is None or wanted in reason]
        if bool(fitting) != expect.negated:
            return None
        if fitting:
            return self._fault(f"{what} failed: {fitting[0]}")
        if reasons:
            return self._fault(f"{what} failed with another message", reasons[0], wanted)
        if not expect.step:
            return self._fault("the flow did not fail: it has its result", outcome.value)
        return self._fault(f"{what} did not fail{self._end_of_step()}")

    def _failures_of(self) -> list[str]:
        """Return why the step failed, at each of its places where it did."""
        ran, ends = self.ran, self.ran.ends
        finished = {end.path for end in ends if isinstance(end, e.StepFinished)}
        failures: list[Failure | e.StepFailed | e.ElementLost] = [*ran.outcome.failures, *ran.outcome.losses]
        failures += [end for end in ends if isinstance(end, e.StepFailed | e.ElementLost)]
        if len(self.expect.path) == 1 and (own := ran.replay.failure(self.expect.path[0].name)) is not None:
            failures.append(own)
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
            if self._is_step(self.ran.places.spot(part)):
                # Without a number the step is meant, not one of its elements or samples.
                whole = part.endswith("]") and self.expect.path[-1].index is None
                return part[: part.rindex("[")] if whole else part
        return ""

    def _is_step(self, spot: Spot) -> bool:
        wanted = self.expect.path
        return spot.shape.step == self.expect.step and all(
            one.index is None or one.index == at for one, at in zip(wanted, spot.at, strict=True)
        )

    def _skipped(self) -> Failed | None:
        ends = self._ends()
        skipped = any(end.skipped for end in ends)
        if skipped != self.expect.negated:
            return None
        what = f"`{self.expect.step}`"
        return self._fault(f"{what} was skipped" if skipped else f"{what} was not skipped{self._end_of_step()}")

    def _ends(self) -> list[e.StepFinished]:
        finished = [end for end in self.ran.ends if isinstance(end, e.StepFinished)]
        return [end for end in finished if self._is_step(self.ran.places.spot(end.path))]

    def _end_of_step(self) -> str:
        ends = self._ends()
        if not ends:
            return ": it was never reached" if not self._failures_of() else ": it failed"
        return ": it was skipped" if all(end.skipped for end in ends) else ": it has a value"

    def _asked(self) -> Failed | None:
        expect, step = self.expect, self.expect.step
        prompts = [(spot, text) for spot, text in self.ran.source.prompts if self._is_step(spot)]
        if expect.right is None:
            if bool(prompts) != expect.negated:
                return None
            times = f"{len(prompts)} time{'s' * (len(prompts) != 1)}"
            return self._fault(f"`{step}` was asked {times}" if prompts else f"`{step}` was not asked")
        wanted = self._value(expect.right)
        if not prompts and not expect.negated:
            return self._fault(f"`{step}` was not asked")
        for spot, text in prompts:
            if (wanted in text) == expect.negated:
                has = "contains" if expect.negated else "does not contain"
                return self._fault(f"the prompt of `{spot.path}` {has} the text", text, wanted)
        return None


def _under(path: str, step: str) -> bool:
    """Tell whether a path of a call lies at a step or inside it. Numbers of elements do not count."""
    bare = _NUMBERS.sub("", path)
    return bare == step or bare.startswith(f"{step}.")
