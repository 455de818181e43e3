"""Bodies that run in other places: windows, votes that end early, time-outs, losses, streams, and late ends."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from flowrun.dsl import plan
from flowrun.runtime.engine.body_terms import CancelBody, LaunchBody
from flowrun.runtime.engine.decisions import (
    BodyOver,
    Cancel,
    Decision,
    Failure,
    Finish,
    HandOn,
    Launch,
    Read,
    StartTimer,
)
from flowrun.runtime.engine.elsewhere import PREPARED
from flowrun.runtime.engine.placed import Bodies
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.plans.streaming import handed_on
from flowrun.runtime.values.model_values import ModelValue
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.errors import BudgetError, EndpointError, PermanentError
from flowrun.runtime.vocabulary.tally import Tally
from support.harness import functions, planned
from support.oracle import Oracle
from support.placed_runs import compared
from support.random_cases import HEAD
from support.random_checks import Trial

ITEMS = {"items": [f"n{at}" for at in range(7)]}


def flow(body: str, *, before: str = "", value: str = "x") -> str:
    return f"{HEAD}{before}flow f(items: [text]) {{\n{body}\nreturn {value}\n}}\n"


FLOWS = {
    "a pipeline": flow(
        'a = map n in items { ask "a| {{ n }}" } reduce collect with concurrency: 2\n'
        'x = map n in a where n != "" { b = ask "b| {{ n }}" c = ask "c| {{ b }}" } reduce collect'
    ),
    "a skipping pipeline": flow(
        'a = map n in items { ask "a| {{ n }}" -> Word } reduce collect with errors: skip\n'
        'x = map n, at in a { ask "b| {{ at }} {{ n }}" } reduce collect'
    ),
    "an adaptive vote": flow('x = repeat 2..9 { ask "s1v| " -> Word with seed: 4 } reduce ahead(2)'),
    "the tally of a vote": flow(
        'v = repeat 5 { ask "s1v| " -> Word with seed: 4 } reduce majority\n'
        "sure = agreement(v)\n"
        'x = map n in items { say = ask "x| {{ n }} {{ sure }}" w = agreement(v) l = text "{{ say }} {{ w }}" }'
        " reduce collect"
    ),
    "votes in bodies": flow(
        'x = map n in items { v = repeat 3 { ask "v| {{ n }}" -> Word with seed: 1 } reduce majority '
        "w = agreement(v) r = { v: v, w: w } } reduce collect with errors: skip"
    ),
    "a budget in a body": flow(
        "x = map n in items { part(n, items) } reduce collect with errors: none",
        before="flow part(n: text, ns: [text]) budget 3 calls {\n"
        'y = map e in ns { ask "p| {{ n }} {{ e }}" } reduce collect\nreturn y\n}\n',
    ),
    "a map in a called flow": flow(
        "x = part(items)",
        before='flow part(ns: [text]) {\ny = map e in ns { ask "p| {{ e }}" } reduce collect\nreturn y\n}\n',
    ),
    "a model as a value": flow('m = [spare, alone]\nx = map one in m { ask one "m| {{ one.name }}" } reduce collect'),
    "rounds": flow(
        'x = map n in items { r = chain up to 3 { w = ask "r| {{ n }} {% if last %}{{ last }}{% endif %}" -> Word } '
        "until w == aye else last } reduce collect"
    ),
    "a vote over a list": flow('x = map n in items { ask "a| {{ n }}" -> Word } reduce majority'),
    "a share of losses": flow('x = map n in items { ask "a| {{ n }}" -> Word } reduce collect with errors: skip(40%)'),
    "an ask reduces": flow('x = map n in items { ask "a| {{ n }}" } reduce ask "sum| {{ results }}"'),
    "lists in lists": flow(
        'a = map n in items { map m in [n, "z"] { ask "a| {{ m }} {{ n }}" } reduce collect } reduce flatten\n'
        'x = map n in a { ask "b| {{ n }}" } reduce collect'
    ),
    "a name that comes late": flow(
        'late = chain { one = ask "one|" two = ask "two| {{ one }}" }\n'
        'x = map n in items { ask "b| {{ n }} {{ late }}" } reduce collect'
    ),
    "a name that some steps need": flow(
        'late = ask "one|"\nx = map n in items { a = ask "a| {{ n }}" b = ask "b| {{ a }} {{ late }}" } reduce collect'
    ),
}


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_comes_to_the_same_in_places(name: str) -> None:
    seen: Counter[str] = Counter()
    for seed in range(2):
        trial = Trial(FLOWS[name], ITEMS, seed)
        for oracle in (Oracle(seed), Oracle(seed, refused=0.15), Oracle(seed, spoilt=0.4)):
            seen.update(compared(trial, oracle=oracle))
        seen.update(compared(trial, lag=0.3))
    # Which call a budget refuses may depend on the time.
    assert seen["calls"] >= (0 if "budget" in name else 4)
    assert seen["placed"] > 0 or name in ("a name that some steps need", "lists in lists")


# The driver by hand


class Hand:
    """A driver whose bodies of the step ``x`` run elsewhere, and all that it has decided."""

    def __init__(self, text: str, inputs: Any = ITEMS, **options: Any) -> None:
        self.plan: plan.Plan = planned(text)
        context = Context({}, ModelValue("m", "m"), functions, placing=lambda step: step.name == "x")
        handed = handed_on(self.plan) if options.pop("handed", False) else None
        self.state = State(self.plan, inputs, context, handed=handed, **options)
        self.decided: list[Decision] = []
        self.take(self.state.begin())

    def take(self, decisions: list[Decision]) -> None:
        self.decided += decisions

    def of(self, kind: type) -> list[Any]:
        return [one for one in self.decided if isinstance(one, kind)]

    @property
    def outcome(self) -> Any:
        [finish] = self.of(Finish)
        return finish.outcome

    def done(self, *places: int) -> None:
        for place in places:
            self.take(self.state.body_done(self.of(LaunchBody)[place].number, f"r{place}"))


COLLECT = flow('x = map n in items { ask "a| {{ n }}" } reduce collect')


def test_a_body_is_launched_with_its_names() -> None:
    hand = Hand(COLLECT)
    launched = hand.of(LaunchBody)
    assert [(one.index, one.path, one.given) for one in launched[:2]] == [
        (0, "x[0]", {"n": "n0"}),
        (1, "x[1]", {"n": "n1"}),
    ]
    assert len({id(one.scope) for one in launched}) == 1
    assert (launched[0].scope.step, launched[0].scope.path) == ("x", "x")
    assert not hand.of(Launch)
    hand.done(*reversed(range(7)))
    assert hand.outcome.value == [f"r{at}" for at in range(7)]


def test_results_are_handed_on_in_order() -> None:
    hand = Hand(COLLECT, handed=True)
    hand.done(2, 0, 1)
    assert [one.value for one in hand.of(HandOn)] == ["r0", "r1", "r2"]


def test_the_window_of_the_flow_holds_for_all_places() -> None:
    hand = Hand(flow('x = map n in items { ask "a| {{ n }}" } reduce collect with concurrency: 2'), window=1, places=9)
    assert len(hand.of(LaunchBody)) == 2
    hand.done(1)
    assert len(hand.of(LaunchBody)) == 3


def test_a_call_in_a_place_knows_how_many_are_to_come() -> None:
    """The count is that of a run without places: the bodies that begin together do not count."""
    text = flow('x = map n in items { ask "begin alike {{ n }}" } reduce collect with concurrency: 2')
    hand, bodies = place(text)
    here = State(hand.plan, ITEMS, Context({}, ModelValue("m", "m"), functions))
    counted = [
        [one.call.policy.expected for one in decisions if isinstance(one, Launch)]
        for decisions in (here.begin(), bodies.open(hand.of(LaunchBody)))
    ]
    assert counted == [[(6,), (6,)]] * 2


@pytest.mark.parametrize("places", [1, 3])
def test_the_usual_window_grows_with_the_places(places: int) -> None:
    hand = Hand(COLLECT, {"items": ["a"] * 1000}, window=10, places=places)
    assert len(hand.of(LaunchBody)) == places * (10 + PREPARED)
    hand.state.widened(20)
    hand.done(0)
    assert len(hand.of(LaunchBody)) == places * (20 + PREPARED) + 1


def test_a_decided_vote_cancels_the_other_bodies() -> None:
    hand = Hand(flow('x = repeat 7 { ask "a|" -> Word } reduce majority with launch: latency'))
    launched = hand.of(LaunchBody)
    for at in (5, 2, 0):
        hand.take(hand.state.body_done(launched[at].number, "aye"))
    assert not hand.of(CancelBody)
    hand.take(hand.state.body_done(launched[3].number, "aye"))
    assert [one.number for one in hand.of(CancelBody)] == [launched[at].number for at in (1, 4, 6)]
    assert not any(one.keep for one in hand.of(CancelBody))
    assert hand.outcome.value == "aye"


def test_a_failure_cancels_the_others_and_keeps_what_is_paid() -> None:
    hand = Hand(COLLECT)
    failure = Failure("x[1].line 6", "no quota", EndpointError("no quota", status=429))
    hand.take(hand.state.body_failed(hand.of(LaunchBody)[1].number, failure))
    assert all(one.keep for one in hand.of(CancelBody))
    assert len(hand.of(CancelBody)) == 6
    assert hand.outcome.failures == (failure,)
    assert hand.outcome.status == "failed"


def test_a_budget_that_is_spent_elsewhere_gives_the_status() -> None:
    hand = Hand(COLLECT)
    hand.take(hand.state.body_failed(1, Failure("x[0].a", "spent", BudgetError("spent"))))
    assert (hand.outcome.status, hand.outcome.resumable) == ("budget", True)


def test_a_time_out_cancels_the_bodies() -> None:
    hand = Hand(flow('x = map n in items { ask "a| {{ n }}" } reduce collect with timeout: 2s'))
    hand.done(0)
    [timer] = hand.of(StartTimer)
    hand.take(hand.state.timed_out(timer.number))
    assert len(hand.of(CancelBody)) == 6
    assert hand.outcome.failures[0].reason == "it did not finish within 2 s; 1 of 7 were done"


WAITING = flow(
    'late = ask "late|"\n'
    'x = map n in items { ask "a| {{ n }} {{ late }}" } reduce collect with timeout: 2s, errors: skip'
)


def test_a_body_waits_for_the_steps_that_it_mentions() -> None:
    hand = Hand(WAITING)
    [late] = hand.of(Launch)
    assert not hand.of(LaunchBody)
    hand.take(hand.state.answered(late.call.number, Answer("L")))
    assert len(hand.of(LaunchBody)) == 7
    assert hand.of(LaunchBody)[0].scope.values == {"late": "L"}


def test_a_body_that_waits_is_cancelled_with_its_block() -> None:
    hand = Hand(WAITING)
    [late], [timer] = hand.of(Launch), hand.of(StartTimer)
    hand.take(hand.state.timed_out(timer.number))
    hand.take(hand.state.answered(late.call.number, Answer("L")))
    assert not hand.of(LaunchBody)
    assert not hand.outcome.complete


def test_a_body_fails_with_the_step_that_it_waits_for() -> None:
    hand = Hand(WAITING)
    [late] = hand.of(Launch)
    hand.take(hand.state.failed(late.call.number, PermanentError("no")))
    assert not hand.of(LaunchBody)
    assert [one.path for one in hand.outcome.failures] == ["late"]


def test_the_end_of_a_cancelled_body_brings_only_what_happened_in_it() -> None:
    second = 'y = ask "later|"\n'
    hand = Hand(flow('x = map n in items { ask "a| {{ n }}" -> Word } reduce first\n' + second, value="{ x, y, }"))
    number = hand.of(LaunchBody)[2].number
    hand.done(0)
    lost, tally = Failure("x[2].in[0]", "no", PermanentError("no")), Tally("a", (("a", 1),), 1)
    hand.take(hand.state.body_over(BodyOver(number, "late", None, {"x[2].v": tally}, (lost,))))
    hand.take(hand.state.body_over(BodyOver(number, "late", None, {"x[2].w": tally}, (lost,))))
    [call] = hand.of(Launch)
    hand.take(hand.state.answered(call.call.number, Answer("z")))
    assert hand.outcome.value == {"x": "r0", "y": "z"}
    assert hand.outcome.losses == (lost,)
    assert hand.outcome.tallies == {"x[2].v": tally}


def test_a_body_can_be_taken_back() -> None:
    hand = Hand(COLLECT)
    first, second, *_ = [one.number for one in hand.of(LaunchBody)]
    hand.take(hand.state.bodies_here([first]))
    [call] = hand.of(Launch)
    assert call.call.path == "x[0].line 6"
    hand.take(hand.state.answered(call.call.number, Answer("here")))
    hand.take(hand.state.body_done(first, "twice"))
    hand.done(*range(1, 7))
    assert hand.outcome.value == ["here", *(f"r{at}" for at in range(1, 7))]
    hand.take(hand.state.bodies_here([second]))
    assert not hand.state.bodies_here([77])


def test_rows_of_a_file_stay_where_they_are() -> None:
    """A value that is not in memory is not sent. Its block runs here."""

    class Rows(tuple[str, ...]):
        __slots__ = ()

    text = flow('x = map n in items { ask "a| {{ n }} {{ items | length }}" } reduce collect')
    assert Hand(text, {"items": ["a"]}).of(LaunchBody)
    assert not Hand(text, {"items": range(3)}).of(LaunchBody)
    assert Hand(text, {"items": Rows(("a",))}).of(LaunchBody)


# A place by hand


def place(text: str, **options: Any) -> tuple[Hand, Bodies]:
    hand = Hand(text)
    return hand, Bodies(hand.plan, Context({}, ModelValue("m", "m"), functions), **options)


def test_a_place_runs_bodies_and_reports_each_end_once() -> None:
    hand, bodies = place(COLLECT, first=1 << 40)
    one, other, third = hand.of(LaunchBody)[:3]
    calls = [decision.call for decision in bodies.open([one, other, one, third]) if isinstance(decision, Launch)]
    assert [(call.number - (1 << 40), call.path) for call in calls] == [
        (1, "x[0].line 6"),
        (2, "x[1].line 6"),
        (3, "x[2].line 6"),
    ]
    assert bodies.answered(calls[0].number, Answer("a")) == [BodyOver(one.number, "a")]
    [over] = bodies.failed(calls[1].number, PermanentError("no"))
    assert isinstance(over, BodyOver)
    assert over.failure is not None
    assert (over.failure.path, over.failure.reason) == ("x[1].line 6", "no")
    assert bodies.cancel(third.number, keep=True) == [Cancel(calls[2].number, keep=True), BodyOver(third.number)]
    assert not bodies.cancel(third.number)
    assert not bodies.cancel(one.number)
    assert bodies.open_bodies == 0
    assert isinstance(bodies.end()[-1], Finish)


def test_a_body_that_fails_cancels_its_other_calls() -> None:
    text = 'x = map n in items { a = ask "a| {{ n }}" b = ask "b| {{ n }}" c = text "{{ a }} {{ b }}" } reduce collect'
    hand, bodies = place(flow(text))
    first, second = [one.call for one in bodies.open(hand.of(LaunchBody)[:1]) if isinstance(one, Launch)]
    cancel, over = bodies.failed(first.number, PermanentError("no"))
    assert cancel == Cancel(second.number, keep=True)
    assert isinstance(over, BodyOver)


def test_the_samples_of_a_chunk_share_a_group() -> None:
    hand, bodies = place(flow('x = repeat 5 { ask "s|" -> Word with seed: 3 } reduce majority with launch: together'))
    calls = [one.call for one in bodies.open(hand.of(LaunchBody)[2:4]) if isinstance(one, Launch)]
    assert len({call.group for call in calls}) == 1
    assert calls[0].group is not None
    assert [(call.sample.number, call.request.seed) for call in calls] == [(2, 5), (3, 6)]


def test_a_slow_read_holds_only_its_own_body() -> None:
    hand, bodies = place(flow('x = map n in items { t = file(n) a = ask "a| {{ t }}" } reduce collect'))
    [first] = [one for one in bodies.open(hand.of(LaunchBody)[:2]) if isinstance(one, Read)]
    assert bodies.holding
    [second] = [one for one in bodies.slow(first.number) if isinstance(one, Read)]
    decisions = bodies.read(second.number, "read")
    assert not bodies.holding
    assert [one.call.path for one in decisions if isinstance(one, Launch)] == ["x[1].a"]
