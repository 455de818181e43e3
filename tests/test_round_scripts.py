"""Tests of rounds: their replies, their coverage and their bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.testing.discovery import run_file
from support.random_runs import HERE

FLOW = """
flow write(topic: text) {
  final = chain up to 3 {
    draft = ask "Write about {{ topic }}.{% if last %} Not {{ last.draft }}.{% endif %}"
    review = ask "Review {{ draft }}" -> pass | fail
    { draft, review }
  } until review == pass else last
  return final
}
"""
TEST = """
test "NAME" of write {
  topic = "tea"
  reply draft: "a"
  reply review: ANSWERS
  expect calls == CALLS
}
"""


def missed(folder: Path, *tests: tuple[str, str]) -> set[str]:
    """Run tests with these answers of the review and these numbers of calls, and return what they do not reach."""
    path = folder / "a.flow"
    made = [
        TEST.replace("NAME", answers).replace("ANSWERS", answers).replace("CALLS", calls) for answers, calls in tests
    ]
    path.write_text(FLOW + "".join(made), encoding="utf-8")
    result = run_file(str(path), covers=True)
    assert all(not one.failures for one in result.outcomes)
    assert result.coverage is not None
    return {item.missed for file in result.coverage.by_file() for item in file.missed if item.kind == "round"}


NEVER = "no test ends the rounds of `final`: the condition never holds"
ALWAYS = "no test uses up the rounds of `final`: the condition always holds"


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ([("fail, pass", "4")], {ALWAYS}),
        ([("fail", "6")], {NEVER}),
        ([("pass", "2"), ("fail", "6")], set()),
        ([("fail, fail, pass", "6"), ("fail", "6")], set()),
    ],
)
def test_coverage_knows_whether_rounds_were_good_enough(
    tests: list[tuple[str, str]], said: set[str], tmp_path: Path
) -> None:
    assert missed(tmp_path, *tests) == said


def bounds(body: str, end: str = "") -> tuple[float, float | None]:
    text = f"flow f() {{ x = chain up to 3 {{ {body} }} until n == 1 {end} return x }}"
    found = estimate_plan(make_plan(check_flow(Source(text), catalog())), {}, HERE, model="m", environ={})
    assert found.rounds.most == found.calls.most
    return found.calls.least, found.calls.most


def test_rounds_take_one_round_at_least_and_all_at_most() -> None:
    # An answer that does not fit is asked for again, twice at most.
    assert bounds('n = ask "a" -> int') == (1, 9)
    assert bounds('n = ask "a" -> int with retries: 0') == (1, 3)
    assert bounds('m = ask "a" with retries: 0 n = length(m)') == (1, 3)
    later = 'm = ask "{{ last }}" with retries: 0 when last != none'
    assert bounds(f'{later} n = ask "b {{{{ m | default(1) }}}}" -> int with retries: 0') == (1, 5)


def test_the_first_round_sees_no_last() -> None:
    long = 'n = ask "{% if last %}one two three four five six seven eight nine{% endif %}" -> 1..5 with retries: 0'
    text = f"flow f() {{ x = chain up to 3 {{ {long} }} until n == 1 return x }}"
    found = estimate_plan(make_plan(check_flow(Source(text), catalog())), {}, HERE, model="m", environ={})
    (x,) = found.inside
    assert found.tokens_in.most is not None
    (n,) = x.inside
    assert n.tokens_in.most is not None
    assert n.tokens_in.least < 9 < n.tokens_in.most
    assert found.tokens_in.most < 3 * n.tokens_in.most


def test_a_budget_below_one_round_is_refused() -> None:
    text = (
        'flow f() budget 1 calls { x = chain up to 3 { a = ask "a" n = ask "{{ a }}" -> int } until n == 1 return x }'
    )
    with pytest.raises(Exception, match="F0365"):
        check_flow(Source(text), catalog())
    check_flow(Source(text.replace("budget 1", "budget 2")), catalog())


CHECKED = """
flow f(topic: text) {
  final = chain up to 3 {
    draft = ask "Draft {{ topic }} {{ last | default('-') }}" check length(draft) < 5
    done = ask "Done? {{ draft }}" -> yes | no
    { draft, done }
  } until done == yes
  return final.draft
}

test "a refused draft" of f {
  topic = "tea"
  reply draft: DRAFTS
  reply done: no, yes
  expect result == "b"
  expect calls == CALLS
}
"""


@pytest.mark.parametrize(
    ("drafts", "calls"),
    [
        ('"a", "b"', "4"),
        ('"too long", "a", "b"', "5"),
        ('"a", "too long", "b"', "5"),
        ('"a", "too long", "too long", "b"', "6"),
        ('error("429"), "too long", "a", "b"', "5"),
    ],
)
def test_the_answer_behind_one_that_fails_its_check_corrects_it(tmp_path: Path, drafts: str, calls: str) -> None:
    path = tmp_path / "a.flow"
    path.write_text(CHECKED.replace("DRAFTS", drafts).replace("CALLS", calls), encoding="utf-8")
    (outcome,) = run_file(str(path)).outcomes
    assert not outcome.failures, outcome.failures


def test_nested_rounds_take_their_answers_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.flow"
    path.write_text(
        """
        flow f(topic: text) {
          return chain up to 3 {
            inner = chain up to 4 { word = ask "{{ topic }}" } until word == "ok"
            good = ask "Good? {{ inner }}" -> yes | no
            { inner, good }
          } until good == yes
        }
        test "nested" of f {
          topic = "tea"
          reply word: "a", "b", "ok", "c", "ok"
          reply good: no, yes
          expect calls == 7
        }
        """,
        encoding="utf-8",
    )
    (outcome,) = run_file(str(path)).outcomes
    assert not outcome.failures, outcome.failures
