"""The tests of every flow that passes the check: of its meaning, its order, its types and its bounds."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from flowrun.dsl import Bounds, Checked, FlowError, Source, Span, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.reducers import ReduceError
from flowrun.runtime.vocabulary.errors import AnswerError, BudgetError, CallError

from .meaning import Meaning, Reader
from .meaning_values import fits
from .meaning_votes import Lost
from .oracle import STEADY, Key, Oracle, tag_of
from .paired_events import paired
from .random_flows import Writer
from .random_runs import HERE, Ran, Servers, one_each, run, shuffled

Json = Any
OUTSIDE = (CallError, AnswerError, ReduceError, BudgetError)
"""The errors that a flow may fail with: from its servers, its models, their votes, and its budget."""


@cache
def _drawn(seed: int) -> tuple[str, Mapping[str, Json]]:
    """Draw a flow and its inputs. Many tests begin with the same seeds."""
    rng = random.Random(seed)
    text = Writer(rng, rng.randint(1, 3), votes=True, wide=True).flow()
    items = rng.choices([*"abcde", "c d e", ""], k=rng.randint(0, 4))
    try:
        check_flow(Source(text), catalog())
    except FlowError as error:
        if "F0365" in (one.code for one in error.diagnostics):
            # The checker refuses a budget that is never enough; only a run can try one that may be enough.
            text = re.sub(r"budget \d+ calls", "budget 400 calls", text)
    return text, {"items": items, "p0": rng.random() < 0.5, "p1": rng.random() < 0.5}


@dataclass
class Trial:
    """A flow with its inputs, and the tests of all that must be true of it. ``seed`` is for its models' answers."""

    text: str
    inputs: Mapping[str, Json]
    seed: int = 0

    @classmethod
    def drawn(cls, seed: int) -> Trial:
        text, inputs = _drawn(seed)
        return cls(text, dict(inputs), seed)

    @cached_property
    def checked(self) -> Checked:
        return check_flow(Source(self.text), catalog())

    @cached_property
    def plan(self) -> plan.Plan:
        made = make_plan(self.checked)
        verify(made)
        return made

    @cached_property
    def bounds(self) -> tuple[Bounds, Bounds]:
        """The bounds with the inputs, and those without."""
        return self.bounds_with(self.inputs), self.bounds_with({})

    def bounds_with(self, inputs: Mapping[str, Json]) -> Bounds:
        return estimate_plan(self.plan, inputs, HERE, model="m", environ={})

    @property
    def keeps(self) -> bool:
        """True if no answer of its type can be lost: the flow has no checks."""
        return " check " not in self.text

    def meaning(self, oracle: Oracle) -> Meaning:
        return Reader(self.checked.file, oracle).meaning(self.inputs)

    def run(self, servers: Servers) -> Ran:
        ran = run(self.plan, self.inputs, servers)
        assert not paired(ran.events).out
        return ran

    @property
    def dice(self) -> random.Random:
        return random.Random(self.seed)

    # Runs

    def hold(self) -> None:
        """Test a run whose servers never fail, and two other runs."""
        self.right()
        if self.seed % 2:
            self.slowly()
            self.refused()
        else:
            self.spoilt()
            self.faults()

    def everything(self) -> None:
        for check in (self.right, self.slowly, self.refused, self.spoilt, self.faults):
            check()

    def right(self) -> None:
        """Test a run in which each call takes a second, and all answers fit their types."""
        oracle = Oracle(self.seed)
        meaning = self.meaning(oracle)
        ran = self.run(Servers(oracle, self.dice, one_each))
        agree(meaning, ran)
        for failure in (*ran.outcome.failures, *ran.outcome.losses):
            # The list of a panel may be an input, which decides whether there is an item.
            empty = "the panel has no items" in failure.reason and [] in self.inputs.values()
            assert empty or isinstance(failure.error, OUTSIDE), (
                f"it failed, and nobody outside the file is to blame: {failure}"
            )
        in_order(meaning, ran, whole=self.keeps)
        self.typed(ran)
        self.within(ran, least=ran.outcome.complete)

    def slowly(self) -> None:
        """Test the same with random latencies, and servers that give several samples for one request."""
        oracle = Oracle(self.seed)
        meaning = self.meaning(oracle)
        ran = self.run(Servers(oracle, self.dice, shuffled, samples=self.seed % 3 * 3 + 1))
        agree(meaning, ran)
        in_order(meaning, ran, whole=self.keeps)
        self.within(ran, least=ran.outcome.complete, rounds=False)

    def spoilt(self) -> None:
        """Test a run in which some answers are nonsense, and are asked for again or discarded."""
        oracle = Oracle(self.seed, spoilt=0.3)
        meaning = self.meaning(oracle)
        ran = self.run(Servers(oracle, self.dice, one_each))
        agree(meaning, ran)
        self.within(ran, least=ran.outcome.complete)

    def refused(self) -> None:
        """Test a run in which some calls are refused for good: its outcome must not depend on latencies."""
        oracle = Oracle(self.seed, refused=self.dice.choice([0.05, 0.2, 0.4]))
        meaning = self.meaning(oracle)
        ran = self.run(Servers(oracle, self.dice, shuffled))
        agree(meaning, ran)
        in_order(meaning, ran, whole=False)
        self.within(ran, least=ran.outcome.complete, rounds=False)

    def faults(self) -> None:
        """Test a run whose attempts fail, in doubt or not: nothing breaks, and no more is billed than planned."""
        oracle = Oracle(self.seed)
        outage = self.dice.choice([10**9, 1, 5])
        ran = self.run(Servers(oracle, self.dice, shuffled, faults=0.25, outage=outage))
        meaning = self.meaning(oracle)
        if ran.outcome.complete and not ran.outcome.losses and not meaning.undecided:
            assert ran.outcome.value == meaning.value
        for bounds in self.bounds:
            most = bounds.attempts.most
            assert most is None or ran.servers.attempts <= most, f"{ran.servers.attempts} attempts, planned {most:g}"

    # Bounds and types

    def within(self, ran: Ran, *, least: bool, rounds: bool = True) -> None:
        """Check that a run stays within its bounds; with ``least``, also that it reaches them from below.

        The least holds only for complete runs whose servers refused nothing.
        """
        servers = ran.servers
        for given, found in zip((True, False), self.bounds, strict=True):
            for name, bound, real in (
                ("calls", found.calls, servers.calls),
                ("rounds", found.rounds, round(ran.seconds)),
                ("tokens in", found.tokens_in, servers.tokens_in),
                ("tokens out", found.tokens_out, servers.tokens_out),
            ):
                if name == "rounds" and not rounds:
                    continue
                said = f"{name}: {real}, planned {bound.least} to {bound.most} {'with' if given else 'without'} inputs"
                assert bound.most is None or real <= bound.most, said
                assert not least or servers.refusals or bound.least <= real, said

    def typed(self, ran: Ran) -> None:
        """Check that the flow's steps have values of their types."""
        types = {step.name: step.type for step in self.plan.steps}
        values = ran.outcome.steps or (ran.outcome.value if isinstance(ran.outcome.value, dict) else {})
        for name, value in values.items():
            if name in types:
                assert fits(value, types[name]), f"`{name}` is {value!r}, and should be {types[name]}"
        if ran.outcome.complete:
            assert fits(ran.outcome.value, self.plan.type), f"{ran.outcome.value!r} should be {self.plan.type}"


def agree(meaning: Meaning, ran: Ran) -> None:
    """Check that the run has the outcome that the flow means."""
    if meaning.undecided:
        return
    outcome = ran.outcome
    if isinstance(meaning.value, Lost):
        assert not outcome.complete, f"it should have failed: {meaning.value}"
        if ran.servers.calls or not outcome.failures:
            # A mistake that is there from the start ends a run before its first call.
            known = {name: value for name, value in meaning.steps.items() if not name.startswith("#")}
            assert outcome.steps == known, f"failures: {outcome.failures}"
    else:
        assert outcome.complete, f"it should have come to {meaning.value!r}: {outcome.failures}"
        assert outcome.value == meaning.value, f"losses: {outcome.losses}"


def in_order(meaning: Meaning, ran: Ran, *, whole: bool = True) -> None:
    """Check that the flow means every request, and that none left before the answers that it needs.

    In a run that is not ``whole``, a fold may have begun with the results that were there.
    """
    if meaning.cut:
        return
    ended: dict[Key, float] = {}
    for span in ran.servers.spans:
        ended[span.key] = min(span.ended, ended.get(span.key, span.ended))
    for span in ran.servers.spans:
        if tag_of(span.key) in STEADY:
            continue
        assert span.key in meaning.before or meaning.undecided or not whole, f"nothing in the flow asks {span.key}"
        models = meaning.models.get(span.key)
        assert models is None or not span.model or span.model in models, f"{span.key} asks {span.model}, not {models}"
        for needed in meaning.before.get(span.key, ()):
            there = ended.get(needed)
            if tag_of(needed) not in STEADY:
                assert there is not None, f"{span.key} left, and {needed} was never asked"
                assert there <= span.began, f"{span.key} left before {needed} was answered"


# Making a failing flow small


def small(trial: Trial, check: str) -> str:
    """Shrink the flow of a failing trial while it fails in the same way with the same parameters."""
    wanted = _outcome(trial, check)

    def fails(text: str) -> bool:
        other = Trial(text, trial.inputs, trial.seed)
        try:
            alike = bool(other.checked.file.flows) and other.plan.params == trial.plan.params
            return alike and _outcome(other, check) == wanted
        except FlowError:
            return False

    return shrunk(trial.text, fails)


def _outcome(trial: Trial, check: str) -> str:
    """Return how a check fails, "" if it does not: its exception, and the beginning of an assertion's message."""
    try:
        getattr(trial, check)()
    except Exception as error:  # noqa: BLE001
        first = str(error).partition(":")[0] if isinstance(error, AssertionError) else ""
        return f"{type(error).__name__} {first}"
    return ""


def shrunk(text: str, fails: Callable[[str], bool], tries: int = 1_500) -> str:
    """Shrink a failing flow: leave out whole lines, steps, clauses and mentions while it still fails alike."""
    changed = True
    while changed:
        changed = False
        for smaller in _smaller(text):
            tries -= 1
            if tries < 0:
                return text
            if len(smaller) < len(text) and fails(smaller):
                text, changed = smaller, True
                break
    return text


def _smaller(text: str) -> Iterable[str]:
    lines = text.split("\n")
    for at in range(len(lines)):
        yield "\n".join(lines[:at] + lines[at + 1 :])
    try:
        file = check_flow(Source(text), catalog()).file
    except FlowError:
        return
    spans = sorted({(one.start, one.end) for one in _spans(file)}, key=lambda one: one[0] - one[1])
    for start, end in spans:
        yield text[:start] + text[end:]
        # With the one or two words before it: `where`, `at most`, `with`, and the name of an argument.
        for words in (1, 2):
            before = text[:start].rsplit(None, words)
            yield (before[0] if len(before) > words else "") + " " + text[end:]
    for start, end in spans:
        for inner, last in spans:
            if start <= inner and last <= end and (inner, last) != (start, end):
                yield text[:start] + text[inner:last] + text[end:]


def _spans(node: Any) -> Iterable[Any]:
    """Yield the spans of all parts of a tree, the widest first."""
    todo = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, tuple):
            todo += one
        elif hasattr(one, "__dataclass_fields__") and not isinstance(one, Span):
            if hasattr(one, "span"):
                yield one.span
            todo += [getattr(one, name) for name in one.__dataclass_fields__ if name not in ("span", "marks")]


__all__ = ["Trial", "agree", "in_order", "shrunk", "small"]
