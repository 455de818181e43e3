"""The most of a plan against servers at their worst: malformed answers, attempts in doubt, outages, fewer answers."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from flowrun.dsl import ATTEMPTS, Bounds, Source, bounds_of, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.engine.decisions import Launch
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Reply, Request
from flowrun.runtime.vocabulary.errors import AnswerError, CallError, InDoubtError
from flowrun.runtime.vocabulary.usage import Usage
from support.failing_runs import Staged
from support.few_cases import some
from support.harness import stage

HEAD = 'model m = "openai:m"{} with seed: 1{}\n'


def doubt() -> CallError:
    return InDoubtError("oops", status=500)


def bounds(text: str, **inputs: Any) -> Bounds:
    plan = make_plan(check_flow(Source(text), catalog()), "main")
    return bounds_of(plan, catalog().reducers, inputs=inputs, model="m")


class Server:
    """Fails each request ``doubts`` times, and gives each call ``bad`` answers before a good one.

    Answers to prompts that begin with `ballot` are good, and every second one of them differs, so that votes tie.
    """

    def __init__(self, doubts: int, bad: int, *, spoilt: bool = False) -> None:
        self.doubts = doubts
        self.bad = bad
        self.spoilt = spoilt
        self.seen: Counter[tuple[Any, ...]] = Counter()
        self.number = 0

    def __call__(self, request: Request, now: float) -> CallError | str:
        key = (*((one.role, one.text) for one in request.messages), request.seed)
        self.seen[key] += 1
        each = self.doubts + 1
        if self.seen[key] % each:
            return doubt()
        prompt = request.messages[0].text
        if prompt.startswith("ballot"):
            return self.good(request, int(re.findall(r"\d+", prompt)[0]) + (request.seed or 0))
        if self.spoilt:
            return AnswerError("nothing came") if self.seen[key] <= self.bad * each else self.fresh(request)
        # What was wrong with the last answer stands in the request.
        before = [int(one.text.split()[1]) for one in request.messages if one.role == "assistant"]
        bad = max(before, default=0)
        if bad < self.bad and (request.schema is not None or request.choices):
            return f"bad {bad + 1}"
        return self.fresh(request)

    def fresh(self, request: Request) -> str:
        self.number += 1
        return self.good(request, self.number)

    @staticmethod
    def good(request: Request, number: int) -> str:
        if request.choices:
            return request.choices[number % len(request.choices)]
        schema: Any = request.schema
        if schema is None:
            return f"text {number}"
        return json.dumps(value(schema, number))


def value(schema: Any, number: int) -> Any:
    if schema.get("type") == "array":
        low, high = schema["items"].get("minimum"), schema["items"].get("maximum")
        if high is not None:
            return [*range(low, high + 1)]
        return [value(schema["items"], number)]
    if "enum" in schema:
        return schema["enum"][number % len(schema["enum"])]
    if schema.get("type") == "object":
        # Records weigh the same, lest one of two words wins.
        return {name: value(one, 0 if name == "weight" else number) for name, one in schema["properties"].items()}
    if "maximum" in schema:
        return schema["minimum"] + number % (schema["maximum"] - schema["minimum"] + 1)
    return number


# All reducers over all blocks

RECORD = "{ word: yes | no, weight: 1..5 }"
REDUCERS = {
    'ask m "Sum of {{ results }}" -> int': "int",
    'by 2 ask m "Merge {{ results }}" -> int': "int",
    'by 3 ask m "Merge {{ results }}" -> int': "int",
    'by tokens(1) ask m "Merge {{ results }}" -> int': "int",
    'by tokens(9000) ask m "Merge {{ results }}" -> int': "int",
    'fold ask m "{{ so_far }} and {{ next }}" -> int': "int",
    'fold(from: 0) ask m "{{ so_far }} and {{ next }}" -> int': "int",
    'best(judge: ask m "Best of {{ results }}")': "int",
    'rank(judge: ask m "Order {{ results }}")': "int",
    "best(by: weight)": RECORD,
    "collect": "int",
    "flatten": "[int]",
    "sum": "int",
    "first": "int",
    'majority(ties: ask m "Which? {{ results }}")': "yes | no",
    'weighted(by: weight, of: word, ties: ask m "Which? {{ results }}")': RECORD,
    'approval(ties: ask m "Which? {{ results }}")': "[yes | no]",
    'ranked(method: borda, ties: ask m "Which? {{ results }}")': "[yes | no]",
    "unanimous": "yes | no",
    "quorum(2)": "yes | no",
}
VOTES = ("majority", "weighted", "approval", "ranked", "unanimous", "quorum")
BLOCKS = {
    "fanout": "fanout {{ a = {0}0{1} b = {0}1{1} c = {0}2{1} d = {0}3{1} }}",
    "map": "map y in [0, 1, 2, 3] {{ {0}{{{{ y }}}}{1} }}",
    "map inside a chain": "map y in [0, 1, 2, 3] {{ chain {{ {0}{{{{ y }}}}{1} }} }}",
    "repeat": "repeat 4 {{ {0}0{1} }}",
}
SERVERS = {
    "ok": (0, 0),
    "malformed": (0, 2),
    "doubtful": (ATTEMPTS - 1, 0),
    "both": (ATTEMPTS - 1, 2),
    "hopeless": (10**9, 0),
}


def flow(block: str, reducer: str, more: str = "", instead: str = "") -> str:
    ask = 'ask m "ballot ' if reducer.startswith(VOTES) else 'ask m "part '
    body = BLOCKS[block].format(ask, f'" -> {REDUCERS[reducer]}')
    return f"{HEAD.format(instead, more)}flow main() {{\n  x = {body} reduce {reducer}\n  return x\n}}\n"


def cases() -> Iterator[tuple[str, str]]:
    return ((block, reducer) for block in BLOCKS for reducer in REDUCERS)


# Three is no divisor of the five servers and the twenty reducers, so that each of them stays with some of the others.
@pytest.mark.parametrize(
    ("block", "reducer", "server"), some([(*case, server) for case in cases() for server in SERVERS], 3)
)
def test_no_server_makes_a_run_exceed_its_plan(block: str, reducer: str, server: str) -> None:
    text = flow(block, reducer)
    doubts, bad = SERVERS[server]
    run = Staged(text, Server(doubts, bad), start=20)
    found = bounds(text)
    assert found.calls.most is not None
    assert found.attempts.most is not None
    assert run.calls <= found.attempts.most
    if not doubts:
        assert found.calls.least <= run.calls <= found.calls.most
        assert run.outcome.status == "done" or reducer == "unanimous", run.outcome
    # A race is over when one is through, and the merge of what has room together is one.
    exact = reducer not in ("first", "unanimous", "quorum(2)", 'by tokens(9000) ask m "Merge {{ results }}" -> int')
    if server == "malformed" and (exact or reducer == "first"):
        assert run.calls == found.calls.most
    if server == "both" and exact:
        assert run.outcome.status == "done", run.outcome
        assert run.calls == found.attempts.most


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("reducer", [*VOTES[:1], "first"])
def test_only_a_ballot_is_not_asked_for_again(block: str, reducer: str) -> None:
    """`map … reduce first` is a race: what is no ballot is asked for again."""
    body = BLOCKS[block].format('ask m "part ', '" -> yes | no')
    text = f"{HEAD.format('', '')}flow main() {{\n  x = {body} reduce {reducer}\n  return x\n}}\n"
    run = Staged(text, lambda request, now: "neither", start=20)
    found = bounds(text)
    assert run.calls == found.calls.most == (12 if reducer == "first" else 4)


@pytest.mark.parametrize(("more", "tries", "attempts"), [("", 3, 6), (", retries: 0", 1, 1), (", retries: 4", 5, 5)])
def test_retries_bound_the_calls_and_the_attempts_at_each(more: str, tries: int, attempts: int) -> None:
    text = HEAD.format("", more) + 'flow main() { x = ask m "part 1" -> int return x }'
    found = bounds(text)
    assert (found.calls.most, found.attempts.most) == (tries, tries * attempts)
    run = Staged(text, Server(attempts - 1, tries - 1), start=20)
    assert (run.outcome.status, run.calls) == ("done", tries * attempts)
    spoilt = Staged(text.replace(" -> int", ""), Server(attempts - 1, tries - 1, spoilt=True), start=20)
    assert (spoilt.outcome.status, spoilt.calls) == ("done", tries * attempts)


def test_a_model_that_stands_in_has_attempts_of_its_own() -> None:
    text = HEAD.format(' else "openai:spare"', "") + 'flow main() { x = ask m "part 1" -> int return x }'
    found = bounds(text)
    assert (found.calls.most, found.attempts.most) == (4, 24)
    run = Staged(text, Server(ATTEMPTS - 1, 9), start=20)
    assert run.calls == 18
    # Two malformed answers, six attempts that bring none, and six at the other model.
    first = Server(ATTEMPTS - 1, 2)

    def says(request: Request, now: float) -> CallError | str:
        answer = first(request, now)
        return answer if isinstance(answer, CallError) or answer.startswith("bad") else doubt()

    run = Staged(text, says, start=20)
    assert (run.outcome.status, run.calls) == ("failed", 24)


def test_a_skipped_branch_is_not_judged_and_may_be() -> None:
    text = (
        HEAD.format("", "")
        + """flow main() {
  w = ask m "part 9" -> int
  x = fanout {
    a = ask m "part 1" -> int
    b = ask m "part 2" -> int when w > LOW
  } reduce best(judge: ask m "Best of {{ results }}")
  return x
}
"""
    )
    runs = {}
    for low in (0, 10**6):
        found = bounds(text.replace("LOW", str(low)))
        runs[low] = Staged(text.replace("LOW", str(low)), Server(0, 0)).calls
        assert (found.calls.least, found.calls.most) == (2, 15)
    assert runs == {0: 5, 10**6: 2}


# Outages, budgets, shared requests, hedges


@pytest.mark.parametrize("answered", [0, 5, 40])
def test_an_outage_takes_no_more_attempts_than_the_calls_have_together(answered: int) -> None:
    """Probes that may be billed come from what answered calls left: 15 minutes have 180 of them."""
    text = """model m = "openai:m"
flow main(xs: [int]) { all = map x in xs { ask m "part {{ x }}" } reduce collect with errors: skip return all }
"""
    xs = list(range(answered + 6))
    found = bounds(text, xs=xs)
    assert found.attempts.most == 3 * ATTEMPTS * len(xs)

    def says(request: Request, now: float) -> CallError | str:
        return "fine" if int(request.messages[0].text.split()[1]) < answered else doubt()

    run = Staged(text, says, start=20, limit=100, xs=xs)
    spent = run.calls - answered
    # No answer was malformed: one call for each element, with six attempts.
    assert spent <= ATTEMPTS * len(xs) - answered
    if answered == 40:
        # There were enough for all the time that there is.
        assert 150 <= spent <= 200
        assert run.seconds > RetryPolicy().total - RetryPolicy().wait_max


def test_a_called_flows_budget_keeps_its_attempts_for_itself() -> None:
    text = """model m = "openai:m"
flow part(x: int) budget 2 calls { a = ask m "inner {{ x }}" return a }
flow main(xs: [int]) {
  inner = map x in xs { part(x: x) } reduce collect
  all = map x in xs { ask m "outer {{ x }} {{ inner }}" } reduce collect with errors: skip
  return all
}
"""
    xs = list(range(12))
    found = bounds(text, xs=xs)
    assert found.attempts.most == 12 * 2 + 12 * 3 * ATTEMPTS
    run = Staged(text, lambda r, now: "fine" if r.messages[0].text.startswith("inner") else doubt(), start=20, xs=xs)
    assert run.calls == 12 + 12 * ATTEMPTS


@pytest.mark.parametrize("limit", [1, 3, 7, 500])
def test_a_budget_of_calls_bounds_attempts_as_well(limit: int) -> None:
    text = HEAD.format("", "") + f'flow part() budget {limit} calls {{ a = ask m "part 1" -> int return a }}'
    text += "\nflow main() { x = part() return x }"
    found = bounds(text)
    assert found.attempts.most == min(limit, 18)
    assert Staged(text, Server(ATTEMPTS - 1, 2), start=20).calls == min(limit, 18)


def test_a_call_that_waits_for_money_goes_on_with_the_attempts_that_it_has_left() -> None:
    text = """model m = "openai:m" with max_tokens: 10
flow main(xs: [int]) { all = map x in xs { ask m "part {{ x }}" } reduce collect with errors: skip return all }
"""

    def says(request: Request, now: float) -> CallError | str:
        return doubt() if request.messages[0].text == "part 0" else "fine"

    run = Staged(text, says, start=20, money=130, xs=list(range(40)))
    assert len(run.outcome.value) == 39
    tries = [place for place, (_, prompt) in enumerate(run.asked) if prompt == "part 0"]
    # All that stood in line went between its first attempt and its second.
    assert (len(tries), tries[1] - tries[0]) == (ATTEMPTS, 40)


def test_a_call_is_not_hedged_a_second_time() -> None:
    plan = make_plan(check_flow(Source('flow main() { x = ask "part 1" with hedge: p75 return x }'), catalog()))
    state = State(plan, {}, Context({}, ModelValue("m", "m"), lambda name, args, tally: None))
    (sent,) = state.begin()
    assert isinstance(sent, Launch)
    assert state.hedged(sent.call.number)
    assert not state.hedged(sent.call.number)
    assert sum(isinstance(event, e.CallHedged) for event in state.events) == 1


class Stingy(ScriptedProvider):
    """Answers one of the calls that share a request, and does not say what it bills."""

    attempts = 0

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        self.attempts += samples
        reply = await super().complete(request, samples, idempotency_key)
        return Reply(reply.answers[:1], Usage())


def test_calls_that_share_requests_have_no_more_attempts() -> None:
    text = 'flow main() { x = repeat 9 { ask "ballot 0" -> yes | no } reduce majority with launch: together return x }'
    found = bounds(text)
    assert found.attempts.most == 9 * ATTEMPTS
    provider = Stingy(lambda request, number: Scripted("yes"), samples=9)
    run = stage(text, lambda request, number: "", provider=provider)
    assert provider.attempts == 9 + 8 + 7 + 6 + 5 + 4 <= found.attempts.most
    (tally,) = run.of(e.VoteCounted)
    assert (tally.tally.counted, tally.tally.missing) == (6, 3)


def test_a_call_is_hedged_once_however_often_it_fails() -> None:
    text = HEAD.format("", ", hedge: p75") + "flow main(xs: [int]) {\n"
    text += '  all = map x in xs { ask m "part {{ x }}" -> int } reduce collect with errors: skip\n  return all\n}\n'
    xs = list(range(30))
    found = bounds(text, xs=xs)
    assert (found.calls.most, found.attempts.most) == (112, 30 * 3 * (ATTEMPTS + 1))
    draw = random.Random(7)
    server = Server(ATTEMPTS - 1, 2)
    run = Staged(text, server, start=40, limit=40, seconds=draw.random(), xs=xs)
    assert found.attempts.most is not None
    assert run.calls <= found.attempts.most
