"""Random flows whose reducers ask, against servers that fail by chance: no run takes more than its plan says."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from test_bounds import HERE, QUICK, SAMPLES, SEEDS, WORDS, Counting, Writer, planned, run_flow

from flowrun.runtime.call import Reply, Request
from flowrun.runtime.errors import AnswerError, InDoubtError, RefusedError
from flowrun.runtime.estimate import estimate_plan

CHOICE = " -> " + " | ".join(WORDS)


class Asking(Writer):
    """Writes fan-outs, maps and repeats whose reducers ask, count or race; some branches may be skipped."""

    def fanout(self, texts: list[str], lists: list[str], depth: int, flow_calls: bool) -> tuple[str, str]:
        rule, arrow = self.rule(texts)
        branches = []
        for _ in range(self.rng.randint(2, 5)):
            branch = f'{self.name()} = ask "{self.name()} {{{{ {texts[-1]} }}}}"{arrow}{self.options()}'
            if self.rng.random() < 0.2 and rule.startswith(("best", "majority")):
                branch += f" when length({texts[-1]}) > 3"
            branches.append(branch)
        if self.rng.random() < 0.2:
            branches[0] = f"{self.name()} = chain {{ {branches[0]} }}"
        return f"fanout {{ {' '.join(branches)} }} reduce {rule}", "list" if rule.startswith("rank") else "text"

    def repeat(self, texts: list[str], lists: list[str], depth: int, flow_calls: bool) -> tuple[str, str]:
        rule, arrow = self.rule(texts)
        number, options = self.rng.randint(2, 5), self.options()
        window = f" with concurrency: {self.rng.randint(1, 3)}" if self.rng.random() < 0.3 else ""
        body = f'ask "{self.name()} {{{{ {texts[-1]} }}}}"{arrow}{options}'
        return f"repeat {number} {{ {body} }} reduce {rule}{window}", "list" if rule.startswith("rank") else "text"

    def map(self, texts: list[str], lists: list[str], depth: int, flow_calls: bool) -> tuple[str, str]:
        element, (rule, arrow) = f"e{self.name()}", self.rule(texts)
        source = self.rng.choice(lists) if lists else '["one", "two", "three"]'
        errors = " with errors: skip" if self.rng.random() < 0.3 and not rule.startswith(("first", "maj")) else ""
        body = f'ask "{self.name()} {{{{ {element} }}}}"{arrow}{self.options()}'
        made = f"map {element} in {source} at most 60 {{ {body} }} reduce {rule}{errors}"
        return made, "list" if rule.startswith("rank") else "text"

    def options(self) -> str:
        found = [f"retries: {self.rng.randint(0, 2)}"] if self.rng.random() < 0.3 else []
        found += [f"hedge: {self.rng.choice(['p75', 'p90'])}"] if self.rng.random() < 0.2 else []
        return f" with {', '.join(found)}" if found else ""

    def rule(self, texts: list[str]) -> tuple[str, str]:
        """A reducer, and the type of what it reduces."""
        ask = f'ask "{self.name()}: {{{{ results }}}} {{{{ {texts[-1]} }}}}"'
        step = f'ask "{self.name()}: {{{{ so_far }}}} {{{{ next }}}}"'
        free = self.rng.choice(["", CHOICE])
        return self.rng.choice(
            [
                (f"best(judge: {ask})", free),
                (f"rank(judge: {ask})", free),
                (f"majority(ties: {ask})", CHOICE),
                ("first", free),
                (f"{ask}{CHOICE}", free),
                (f"by {self.rng.randint(2, 3)} {ask}", ""),
                (f"by tokens({self.rng.randint(1, 20)}) {ask}", ""),
                (f"fold {step}", ""),
                (f'fold(from: "once") {step}', ""),
            ]
        )


class Failing(Counting):
    """Answers without sense in ``bad`` of the cases, and fails in ``doubt`` of them, so that it may have billed.

    ``calls`` are the attempts that may be billed. From its call ``outage`` on it fails for a hundred calls.
    """

    def __init__(self, seed: int, samples: int, bad: float, doubt: float, outage: int) -> None:
        super().__init__(seed, samples, bad)
        self.doubt = doubt
        self.outage = outage

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        chance = self.rng.random()
        if self.doubt and chance < 0.05:
            raise RefusedError("busy", status=503)
        reply = await super().complete(request, samples, idempotency_key)
        down = self.outage <= self.calls < self.outage + 100
        if self.doubt and (down or chance < self.doubt):
            raise InDoubtError("oops", status=500)
        if self.bad and chance > 1 - self.bad / 4:
            raise AnswerError("nothing came")
        return reply

    def answer(self, request: Request) -> str:
        schema: Any = request.schema
        if schema is None and not request.choices:
            return super().answer(request)
        if self.rng.random() < self.bad:
            return "[1, 1]"
        if request.choices:
            return self.rng.choice(request.choices)
        if schema.get("type") == "array":
            return json.dumps([*range(1, schema["items"]["maximum"] + 1)])
        return str(self.rng.randint(1, schema.get("maximum", 1)))


def check(seed: int, samples: int, bad: float, doubt: float, outage: int) -> None:
    rng = random.Random(seed)
    text = Asking(rng).flow()
    inputs = {"items": rng.choices(["a", "b", "c d e", "f"], k=rng.randint(1, 6)), "p": "some words", "b": True}
    note(f"{text}\n{inputs!r}")
    flow = planned(text)
    found = estimate_plan(flow, inputs, HERE, model="m", environ={})
    note(str((found.calls, found.attempts)))
    provider = Failing(seed, samples, bad, doubt, outage)
    run_flow(flow, inputs, provider)
    assert found.calls.most is not None
    assert found.attempts.most is not None
    if not doubt:
        assert provider.calls <= found.calls.most
    assert provider.calls <= found.attempts.most


BAD = st.sampled_from([0, 0.3, 1])
DOUBT = st.sampled_from([0, 0.3, 0.9, 1])
OUTAGE = st.sampled_from([0, 7, 20, 10**9])


@given(SEEDS, SAMPLES, BAD, DOUBT, OUTAGE)
@settings(QUICK, max_examples=25)
def test_no_random_run_takes_more_than_its_plan(seed: int, samples: int, bad: float, doubt: float, outage: int) -> None:
    check(seed, samples, bad, doubt, outage)


@pytest.mark.slow
@given(SEEDS, SAMPLES, BAD, DOUBT, OUTAGE)
@settings(QUICK, max_examples=5000)
def test_many_random_runs_take_no_more_than_their_plans(
    seed: int, samples: int, bad: float, doubt: float, outage: int
) -> None:
    check(seed, samples, bad, doubt, outage)
