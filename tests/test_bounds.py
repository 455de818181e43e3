"""What a plan is said to take, worked out by hand for single cases; `test_random_flows` runs random ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import MESSAGE_TOKENS, Bound, Bounds, plan
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.vocabulary.errors import InputError
from flowrun.runtime.vocabulary.tokens import estimate
from support.harness import planned

Json = Any
HERE = Files(Path(__file__).parent)


def bounds(text: str, model: str = "m", **inputs: Json) -> Bounds:
    return estimate_plan(planned(text), inputs, HERE, model=model, environ={})


def span(bound: Bound) -> tuple[float, float | None]:
    return bound.least, bound.most


# Single cases, worked out by hand

LONG = " ".join(["word"] * 30)


def test_a_chain_of_asks_is_as_many_rounds() -> None:
    found = bounds('flow f() { a = ask "1" b = ask "2 {{ a }}" c = ask "3 {{ b }}" return c }')
    assert span(found.calls) == span(found.rounds) == (3, 9)


def test_lines_may_stand_in_any_order() -> None:
    found = bounds('flow f() { c = ask "3 {{ b }}" b = ask "2 {{ a }}" a = ask "1" return c }')
    assert span(found.rounds) == (3, 9)


def test_an_inner_step_that_waits_for_an_outer_one_lengthens_the_way() -> None:
    text = """flow f(xs: [text]) {
      first = ask "1" with retries: 0
      out = map x in xs {
        y = ask "a {{ x }}" with retries: 0
        ask "b {{ y }} {{ first }}" with retries: 0
      } reduce collect
      return out
    }"""
    assert span(bounds(text, xs=["p", "q"]).rounds) == (2, 2)
    assert span(bounds(text.replace('"a {{ x }}"', '"a {{ x }} {{ first }}"'), xs=["p"]).rounds) == (3, 3)


@pytest.mark.parametrize(
    ("vote", "calls", "rounds"),
    [
        ("repeat 3 { A } reduce majority", (2, 3), (1, 2)),
        ("repeat 5 { A } reduce majority", (3, 5), (1, 3)),
        ("repeat 5 { A } reduce majority with launch: latency", (3, 5), (1, 1)),
        ("repeat 5 { A } reduce majority with launch: together", (5, 5), (1, 1)),
        ("repeat 3..9 { A } reduce majority", (3, 9), (1, 7)),
        ("repeat 3..9 { A } reduce majority(risk: 0.05)", (5, 9), (1, 5)),
        ("repeat 3..9 { A } reduce majority(risk: 0.05, undecided: none)", (5, 9), (1, 5)),
        ("repeat 5 { A } reduce collect", (5, 15), (1, 3)),
        ("repeat 5 { A } reduce collect with concurrency: 2", (5, 15), (3, 9)),
    ],
)
def test_votes_go_in_batches(vote: str, calls: tuple[int, int], rounds: tuple[int, int]) -> None:
    vote = vote.replace("A", 'ask "?" -> aye | nay')
    found = bounds(f"flow f() {{ v = {vote} return v }}")
    assert (span(found.calls), span(found.rounds)) == (calls, rounds)


@pytest.mark.parametrize(
    ("leaves", "merges", "deep"), [(0, 0, 0), (1, 0, 0), (2, 1, 1), (3, 1, 1), (9, 4, 2), (10, 5, 3)]
)
def test_a_tree_has_a_level_for_each_power(leaves: int, merges: int, deep: int) -> None:
    text = 'flow f(xs: [text]) { o = map x in xs { x } reduce by 3 ask "{{ results }}" return o }'
    found = bounds(text, xs=["x"] * leaves)
    assert span(found.calls) == (merges, 3 * merges)
    assert span(found.rounds) == (deep, 3 * deep)


def test_prompts_are_exact_where_the_inputs_are_given() -> None:
    text = 'flow f(xs: [text]) { o = map x in xs { ask "Sum up: {{ x }}" with retries: 0 } reduce collect return o }'
    found = bounds(text, xs=["one", LONG, "three four"])
    expected = sum(estimate(f"Sum up: {x}") + MESSAGE_TOKENS for x in ("one", LONG, "three four"))
    assert span(found.tokens_in) == (expected, expected)
    assert found.inside[0].elements == 3
    assert span(found.inside[0].inside[0].tokens_in) == (
        estimate("Sum up: one") + MESSAGE_TOKENS,
        estimate(f"Sum up: {LONG}") + MESSAGE_TOKENS,
    )


def test_an_answer_enters_the_next_prompt() -> None:
    text = 'flow f() { a = ask "1" with max_tokens: 50, retries: 0 b = ask "{{ a }}" with retries: 0 return b }'
    second = bounds(text).inside[1]
    assert second.tokens_in.least <= MESSAGE_TOKENS + 1
    assert second.tokens_in.most is not None
    assert 50 <= second.tokens_in.most <= 60
    open_ended = bounds(text.replace("max_tokens: 50, ", ""))
    assert open_ended.tokens_in.most is None
    assert open_ended.tokens_in.why == "`a` sets no `max_tokens`"


def test_a_condition_that_is_known_decides() -> None:
    text = 'flow f(b: bool) { a = ask "1" when b return a }'
    assert span(bounds(text, b=True).calls) == (1, 3)
    assert span(bounds(text, b=False).calls) == (0, 0)
    assert span(bounds(text).calls) == (0, 3)


def test_a_model_that_stands_in_is_one_more_call() -> None:
    text = 'model m = "openai:a" else "gemini:b"\nflow f() { a = ask m "?" return a }'
    assert span(bounds(text).calls) == (1, 4)


def test_what_nothing_bounds_says_why() -> None:
    found = bounds('flow f(xs: [text]) { o = map x in xs { ask "{{ x }}" } reduce collect return o }')
    assert (found.calls.most, found.calls.why) == (None, "`xs` is not given")
    found = bounds('flow f() { l = ask "?" -> [text] o = map x in l { ask "{{ x }}" } reduce collect return o }')
    assert found.calls.most is None
    found = bounds(
        'flow f() budget 7 calls { l = ask "?" -> [text] o = map x in l { ask "{{ x }}" } reduce collect return o }'
    )
    assert span(found.calls) == (1, 7)
    assert found.rounds.most == 6


def test_a_step_that_will_fail_is_left_open() -> None:
    text = 'flow f(xs: [text]) { r = map x in xs { ask "{{ x }}" } reduce first n = length(r) return n }'
    assert span(bounds(text, xs=[]).calls) == (0, 0)


def test_more_than_anybody_counts_has_no_bound() -> None:
    """400 flows that each call the one before twice."""
    twice = "\n".join(f"flow g{n}(x: text) {{ a = g{n - 1}(x) b = g{n - 1}(a) return b }}" for n in range(1, 401))
    found = bounds('flow g0(x: text) { a = ask "{{ x }}" return a }\n' + twice, x="hi")
    assert (found.calls.least, found.calls.most) == (10**30, None)
    assert found.rounds.most is None


def test_lists_that_double_at_every_step_are_planned_at_once() -> None:
    doubled = " ".join(f"x{n} = x{n - 1} + x{n - 1}" for n in range(1, 61))
    text = (
        f'flow f(x0: [text]) {{ {doubled} r = map y in x60 at most 5 {{ ask "{{{{ y }}}}" }} reduce collect return r }}'
    )
    assert bounds(text, x0=["a", "b"]).calls.most == 15


def test_nothing_to_go_through_is_nothing_to_pay() -> None:
    text = 'flow f(xs: [text]) { o = map x in xs { ask "{{ x }}" } reduce ask "{{ results }}" return o }'
    found = bounds(text, xs=[])
    assert span(found.calls) == span(found.tokens_in) == span(found.rounds) == (0, 0)


DOUBLING = 'flow f0(x: text) { a = ask "{{ x }}" return a }\n' + "\n".join(
    f"flow f{n}(x: text) {{ a = f{n - 1}(A) b = f{n - 1}(B) return a }}" for n in range(1, 31)
)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("x", "x"),
        ('text "{{ x }}a"', 'text "{{ x }}b"'),
        ('text "{{ x }} one"', 'text "{{ x }} two words"'),
        ("x", "a"),
    ],
)
def test_a_flow_is_worked_out_once_for_the_same_arguments(a: str, b: str) -> None:
    """Thirty flows that each call the one below twice: a billion calls, which nobody may count one by one."""
    found = bounds(DOUBLING.replace("(A)", f"({a})").replace("(B)", f"({b})"), x="hi")
    assert span(found.calls) == (2**30, 3 * 2**30)
    assert len(found.flows) == 30
    assert found.rounds.least == (2**30 if b == "a" else 1)


def test_flows_that_call_flows_may_go_deep() -> None:
    text = 'flow f0(x: text) { a = ask "{{ x }}" return a }\n' + "\n".join(
        f"flow f{n}(x: text) {{ a = f{n - 1}(x) return a }}" for n in range(1, 400)
    )
    assert span(bounds(text, x="hi").calls) == (1, 3)


def test_flows_that_call_flows_are_looked_through_a_few_times_however_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    text = 'flow f0(x: text) { a = ask "{{ x }}" return a }\n' + "\n".join(
        f"flow f{n}(x: text) {{ a = f{n - 1}(x) return a }}" for n in range(1, 400)
    )
    flow, walk = planned(text), plan.walk_steps

    def counted(steps: Iterable[plan.Step]) -> Iterator[plan.Step]:
        looked.append(steps)
        return walk(steps)

    monkeypatch.setattr(plan, "walk_steps", counted)
    estimate_plan(flow, {"x": "hi"}, HERE, model="m", environ={})
    assert 0 < len(looked) < 5 * 400


def test_a_model_may_be_an_argument() -> None:
    text = """model fast = "openai:fast" with max_tokens: 10
    model slow = "openai:slow" with max_tokens: 1000
    flow g(m: model, x: text) { a = ask m "{{ x }}" with retries: 0 return a }
    flow f(x: text) { a = g(fast, x) b = g(slow, x) return [a, b] }"""
    assert span(bounds(text, x="hi").calls) == (2, 2)
    assert bounds(text, x="hi").tokens_out.most == 1010


def test_the_budget_of_a_called_flow_bounds_each_call_of_it() -> None:
    text = """flow part(xs: [text]) budget 5 calls { o = map x in xs { ask "{{ x }}" } reduce collect return o }
    flow f(xs: [text]) { a = part(xs) b = part(xs) return [a, b] }"""
    assert span(bounds(text).calls) == (0, 10)


def test_very_many_elements_are_taken_together() -> None:
    vote = 'repeat 3 { ask "{{ x }}" -> aye | nay } reduce majority'
    text = f"flow f(xs: [text]) {{ o = map x in xs {{ v = {vote} v }} reduce collect return o }}"
    found = bounds(text, xs=[f"mail {n}" for n in range(30_000)])
    assert span(found.calls) == (60_000, 90_000)
    assert found.tokens_in.most is not None


def test_a_file_that_cannot_be_read_is_told() -> None:
    with pytest.raises(InputError, match="there is no file"):
        bounds('flow f() { a = file("nowhere.md") b = ask "{{ a }}" return b }')


def test_files_outside_the_folder_are_not_read() -> None:
    with pytest.raises(InputError, match="outside the flow's folder"):
        bounds('flow f() { a = file("/etc/hostname") b = ask "{{ a }}" return b }')
