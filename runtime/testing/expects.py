"""The check of a test's expectations against the run of its flow."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose

from flowrun.dsl import NoValueError, combined, pattern, test_plan, types
from flowrun.dsl import plan as p
from flowrun.runtime.documents.fitting import Problems, fit
from flowrun.runtime.values.expressions import evaluate
from flowrun.runtime.vocabulary.errors import FlowrunError
from flowrun.runtime.vocabulary.json_value import Json

from .differences import differences, text_of
from .outcome import Failed, TestedCall, times_text
from .test_run import ExpectNames, Ran, StepEnds

_RELATIVE, _ABSOLUTE = 1e-6, 1e-9
"""The distances, as a share and as a number, up to which ``about`` holds without ``within``."""
_NUMBERS = pattern(r"\[[^\]]*\]")


def check(expect: test_plan.Expect, ran: Ran) -> Failed | None:
    """Check an expectation. Return None if it holds."""
    return _Check(expect, ran).failure()


class _Check:
    def __init__(self, expect: test_plan.Expect, ran: Ran) -> None:
        self.expect = expect
        self.ran = ran
        self.names = ExpectNames(ran)
        self.ends = StepEnds(ran, expect.step, expect.path)

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
            tuple(self._named(left, message)),
            tuple(self._calls()),
        )

    def _named(self, left: str, message: str) -> list[str]:
        found = []
        for name in self.expect.names:
            try:
                value = text_of(self.names.value(name), 200)
            except FlowrunError as error:
                if str(error) == message:
                    continue
                value = str(error)
            if value != left:
                found.append(f"{name} = {value}")
        return found

    def _calls(self) -> list[TestedCall]:
        """Return the calls of the steps that the expectation names, or else all calls."""
        steps = {*self.expect.names, self.expect.step} - {""}
        calls = self.ran.source.book.calls
        own = [call for call in calls if any(_under(call.path, step) for step in steps)]
        return own or calls

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
            reasons = [] if outcome.complete else [one.reason for one in outcome.failures] or [self.ran.reason()]
            what = "the flow"
        else:
            reasons = self.ends.failures()
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
        return self._fault(f"{what} did not fail{self.ends.said()}")

    def _skipped(self) -> Failed | None:
        ends = self.ends.finished()
        skipped = any(end.skipped for end in ends) or self.ends.passed_by()
        if skipped != self.expect.negated:
            return None
        what = f"`{self.expect.step}`"
        return self._fault(f"{what} was skipped" if skipped else f"{what} was not skipped{self.ends.said()}")

    def _asked(self) -> Failed | None:
        expect, step = self.expect, self.expect.step
        prompts = [(spot, text) for spot, text in self.ran.source.prompts if self.ends.is_step(spot)]
        if expect.right is None:
            if bool(prompts) != expect.negated:
                return None
            return self._fault(
                f"`{step}` was asked {times_text(len(prompts))}" if prompts else f"`{step}` was not asked"
            )
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
