"""What a failure in a called flow takes with it, and which failures a budget or a share of the elements makes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from flowrun.dsl import plan
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Script, Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import BudgetError
from support.called_flows import BROKEN, SUMMARY, Json, Run, program, voting

# Failures


@pytest.mark.parametrize(("errors", "value"), [("skip", ["ok 2"]), ("none", [None, "ok 2"])])
def test_a_failure_inside_is_the_element_s(errors: str, value: Json) -> None:
    run = Run(
        program(
            f"""flow f() {{
              m = map e in ["1", "2"] {{ s = {{ flow: "inner", args: {{ e }} }} }} reduce collect with errors: {errors}
              return m
            }}""",
            inner='flow inner(e: text) { a = ask "a {{ e }}" return text "ok {{ e }}" }',
        ),
        lambda request, number: Scripted(BROKEN if request.messages[0].text == "a 1" else "x"),
    )
    outcome = run.go()
    assert outcome.value == value
    assert [(one.path, one.reason) for one in outcome.losses] == [("m[0].s.a", "the key is wrong")]
    assert outcome.complete


def test_a_failure_inside_fails_the_call_and_takes_back_what_runs_beside_it() -> None:
    def script(request: Request, number: int) -> Scripted:
        return Scripted(BROKEN, 1.0) if request.messages[0].text == "bad" else Scripted("x", 50.0)

    run = Run(
        program(
            """flow f() {
              s = { flow: "inner", args: {} }
              t = ask "needs {{ s }}"
              free = ask "free"
              return { t, free }
            }""",
            inner='flow inner() { a = ask "slow" b = { flow: "deep", args: {} } return { a, b } }',
            deep='flow deep() { a = ask "bad" b = ask "slow too" return { a, b } }',
        ),
        script,
    )
    outcome = run.go()
    assert [(one.path, one.reason) for one in outcome.failures] == [("s.b.a", "the key is wrong")]
    assert set(run.state._root.watch.failed) == {"s", "t"}
    assert sorted(run.prompts) == ["bad", "free", "slow", "slow too"]
    assert {event.path for event in run.of(e.RequestCancelled)} == {"s.b.b", "s.a"}
    assert not run.left


def test_a_result_without_a_value_fails_the_call_by_its_name() -> None:
    run = Run(
        program(
            'flow f() { s = { flow: "share", args: { n: 0 } } return s }',
            share="flow share(n: int) { x = n + 0 return 1 / x }",
        )
    )
    (failure,) = run.go().failures
    assert (failure.path, failure.reason) == ("s", "this is a division by zero")


def test_what_failed_outside_is_no_element_s_fault() -> None:
    run = Run(
        program(
            """flow f() {
              a = ask "a"
              m = map e in ["1", "2"] { { flow: "summary", args: { note: text "{{ e }} {{ a }}" } } } reduce collect
                with errors: skip
              return m
            }""",
            summary=SUMMARY,
        ),
        lambda request, number: Scripted(BROKEN),
    )
    outcome = run.go()
    assert [one.path for one in outcome.failures] == ["a"]
    assert outcome.losses == ()
    assert run.prompts == ["a"]


@pytest.mark.parametrize("tenths", [0, 5, 15, 21, 35])
def test_cancelling_takes_back_all_that_is_inside(tenths: int) -> None:
    run = Run(
        program(
            'flow f() { m = map e in ["1", "2", "3"] { { flow: "two", args: { e } } } reduce collect return m }',
            two='flow two(e: text) { one = ask "one {{ e }}" w = repeat 3 { ask "w {{ one }}" -> aye | nay } '
            "reduce majority return w }",
        ),
        lambda request, number: Scripted("aye", 1.0 + number / 8),
    )
    try:
        run.go(cancel_at=tenths / 10)
    except asyncio.CancelledError:
        assert run.provider.open == 0
    else:
        assert tenths == 35
    assert not run.left


def test_a_decided_vote_takes_back_the_calls_that_are_left() -> None:
    run = Run(
        voting(
            program(
                'flow f() { v = repeat 3 { { flow: "voter", args: {} } } reduce collect with launch: latency '
                "return v }",
                voter='flow voter() { a = ask "a" b = ask "b {{ a }}" -> aye | nay return b }',
            )
        ),
        lambda request, number: Scripted("aye", 100.0 if number == 2 else 1.0),
    )
    outcome = run.go()
    assert outcome.value == "aye"
    assert len(run.of(e.RequestCancelled)) == 1
    assert not run.state._machine.calls._pending
    finished, steps = len(run.of(e.StepFinished)), sum(event.elements * event.steps for event in run.of(e.BlockOpened))
    assert steps + 1 - sum(event.spared for event in run.of(e.BlockClosed)) == finished == 7


# Budgets


def test_a_budget_of_a_called_flow_holds_for_each_call_of_it() -> None:
    two = 'flow two(e: text) budget 2 calls { a = ask "a{{ e }}" b = ask "b{{ a }}" c = ask "c{{ b }}" when e == "1" '
    run = Run(
        program(
            'flow f() { m = map e in ["1", "2"] { s = { flow: "two", args: { e } } } reduce collect '
            "with errors: skip return m }",
            two=two + "return { a, b, c } }",
        )
    )
    outcome = run.go()
    assert outcome.value == [{"a": "a2", "b": "ba2", "c": None}]
    (loss,) = outcome.losses
    assert (loss.path, loss.reason) == ("m[0].s.c", "the budget of 2 calls of the flow `two` is spent")
    assert isinstance(loss.error, BudgetError)
    assert sorted(run.prompts) == ["a1", "a2", "ba1", "ba2"]


def test_a_call_counts_in_every_budget_around_it_and_so_does_one_that_is_sent_again() -> None:
    run = Run(
        program(
            'flow f() budget 9 calls { s = { flow: "outer", args: {} } return s }',
            outer='flow outer() budget 3 calls { x = { flow: "inner", args: {} } y = ask "y {{ x }}" return y }',
            inner='flow inner() budget 4 calls { a = ask "a" -> 1..5 return a }',
        ),
        ["no", "no", "5", "never"],  # type: ignore[arg-type]
    )
    (failure,) = run.go().failures
    assert (failure.path, failure.reason) == ("s.y", "the budget of 3 calls of the flow `outer` is spent")
    assert run.prompts == ["a", "a", "a"]
    run = Run(
        program(
            'flow f() { s = { flow: "inner", args: {} } return s }',
            inner='flow inner() budget 2 calls { a = ask "a" -> 1..5 return a }',
        ),
        lambda request, number: "no",
    )
    assert [one.reason for one in run.go().failures] == ["the budget of 2 calls of the flow `inner` is spent"]
    assert run.prompts == ["a", "a"]


def test_the_budget_of_the_whole_counts_what_is_called() -> None:
    run = Run(
        program(
            'flow f() budget 2 calls { s = { flow: "two", args: {} } t = ask "t {{ s }}" return t }',
            two='flow two() { a = ask "a" b = ask "b" return { a, b } }',
        )
    )
    assert [one.reason for one in run.go().failures] == ["the flow's budget of 2 calls is spent"]


def test_a_budget_in_money_holds_for_each_call_and_counts_in_the_one_around_it() -> None:
    whole = program(
        'flow f() { m = map e in ["1", "2", "3"] { s = { flow: "two", args: { e } } } reduce collect '
        "with errors: skip, concurrency: 1 return m }",
        two='flow two(e: text) { a = ask "a{{ e }}" with max_tokens: 4 b = ask "b{{ a }}" with max_tokens: 4 '
        'c = ask "c{{ b }}" with max_tokens: 4 when e == "1" return { a, b, c } }',
    )
    limited = {"two": replace(whole.flows["two"], money_limit=9.0)}
    run = Run(replace(whole, flows=limited, money_limit=20.0), lambda request, number: "four words for four")
    outcome = run.go()
    # Each call costs four dollars. The first element fails at its own limit, the last at that of all.
    assert [(one.path, isinstance(one.error, BudgetError)) for one in outcome.losses] == [
        ("m[0].s.c", True),
        ("m[2].s.b", True),
    ]
    assert "of the flow `two`" in outcome.losses[0].reason
    assert outcome.losses[1].reason.startswith("the flow's budget of $20.00")
    assert len(run.provider.calls) == 5


# Shares of elements that may fail


def skipping(share: float | str, total: int, bad: int, reduce: str = "collect") -> tuple[Outcome, Run]:
    whole = program(
        f'flow f(items: [text]) {{ m = map e in items {{ a = ask "{{{{ e }}}}" }} reduce {reduce} '
        "with errors: skip, concurrency: 4 return m }"
    )
    step = whole.steps[0]
    rule = plan.RuleOf("skip", {"share": plan.Constant(share)})
    whole = replace(whole, steps=(replace(step, options={**step.options, "errors": rule}),))
    verify(whole)
    items = [("bad" if number < bad else "ok") + str(number) for number in range(total)]
    script: Script = lambda request, number: Scripted(BROKEN if "bad" in request.messages[0].text else "x")  # noqa: E731
    run = Run(whole, script, items=items)
    return run.go(), run


@pytest.mark.parametrize(
    ("share", "total", "allowed"),
    [(0.05, 40, 2), (0.05, 10, 0), (0.05, 20, 1), (0.29, 100, 29), (0.0, 5, 0), (1.0, 3, 3), (1, 3, 3), (0.07, 100, 7)],
)
@pytest.mark.parametrize("reduce", ["collect", 'by 2 ask "t {{ results }}"'])
def test_a_share_of_the_elements_may_fail(share: float, total: int, allowed: int, reduce: str) -> None:
    outcome, _ = skipping(share, total, allowed, reduce)
    if reduce == "collect" or allowed < total:
        assert outcome.complete
    assert len(outcome.losses) == allowed
    if allowed < total:
        outcome, run = skipping(share, total, allowed + 1, reduce)
        assert not outcome.complete
        (failure,) = outcome.failures
        assert failure.path == "m"
        assert failure.reason == (
            f"{allowed + 1} of {total} elements failed, and `skip({share * 100:g}%)` allows {allowed}; "
            "the last: the key is wrong"
        )
        assert len(run.prompts) <= allowed + 1 + 4 or reduce != "collect"


def test_of_no_elements_none_fails() -> None:
    assert skipping(0.05, 0, 0)[0].value == []


@pytest.mark.parametrize("share", [1.5, -0.1, "5%"])
def test_a_share_is_from_none_to_all(share: float | str) -> None:
    (failure,) = skipping(share, 1, 0)[0].failures
    assert failure.reason == f"`errors: skip(share)` takes a share from 0% to 100%, and this is {share!r}"
