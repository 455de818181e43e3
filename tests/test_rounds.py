"""Rounds until good enough: their order, their value, what they cost, and what a resumed run pays again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Script, Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from support.harness import Run
from support.keeping_shop import Shop

TYPES = """
type Draft = { text: text }
type Review = { verdict: pass | fail, score: 0..10 }
"""
ROUNDS = (
    TYPES
    + """
flow write(topic: text) {
  final = chain up to 4 {
    draft = ask "Write about {{ topic }}.{% if last %} Better than {{ last.draft.text }}.{% endif %}" -> Draft
    review = ask "Review {{ draft.text }}" -> Review
    { draft, review }
  } until review.verdict == pass END
  return final
}
"""
)


def rounds(end: str = "") -> str:
    return ROUNDS.replace("END", end)


def drafts(*scores: int, passes: int = 11) -> Script:
    """Answer the drafts `d0`, `d1` and so on, and review them with these scores. A draft of score ``passes`` passes."""
    count = 0

    def script(request: Request, number: int) -> Any:
        nonlocal count
        text = request.messages[-1].text
        if text.startswith("Write"):
            count += 1
            return f'{{"text": "d{count - 1}"}}'
        score = scores[int(text.removeprefix("Review d"))]
        return f'{{"verdict": "{"pass" if score >= passes else "fail"}", "score": {score}}}'

    return script


def said(*answers: str) -> Script:
    return lambda request, number: answers[number]


def prompts(run: Run) -> list[str]:
    return run.prompts


def test_the_first_round_that_is_good_enough_is_the_last() -> None:
    run = Run(rounds(), drafts(3, 9, passes=9), inputs={"topic": "tea"})
    outcome = run.go()
    assert outcome.value == {"draft": {"text": "d1"}, "review": {"verdict": "pass", "score": 9}}
    assert prompts(run) == [
        "Write about tea.",
        "Review d0",
        "Write about tea. Better than d0.",
        "Review d1",
    ]


@pytest.mark.parametrize(
    ("end", "best"), [("else last", 3), ("else best(by: review.score)", 1), ("else best(by: -review.score)", 0)]
)
def test_what_rounds_give_that_never_were_good_enough(end: str, best: int) -> None:
    run = Run(rounds(end), drafts(2, 7, 7, 5), inputs={"topic": "tea"})
    outcome = run.go()
    assert outcome.status == "done"
    assert outcome.value["draft"] == {"text": f"d{best}"}
    assert len(prompts(run)) == 8


@pytest.mark.parametrize("end", ["", "else fail"])
def test_rounds_that_never_were_good_enough_fail(end: str) -> None:
    run = Run(rounds(end), drafts(2, 7, 7, 5), inputs={"topic": "tea"})
    outcome = run.go()
    assert outcome.status == "failed"
    (failure,) = outcome.failures
    assert (failure.path, failure.reason) == ("final", "none of the 4 rounds was good enough")
    assert len(prompts(run)) == 8


def test_paths_count_rounds_from_0() -> None:
    run = Run(rounds(), drafts(3, 9, passes=9), inputs={"topic": "tea"})
    run.go()
    paths = [one.path for one in run.events if isinstance(one, e.StepFinished)]
    assert paths == [
        "final[0].draft",
        "final[0].review",
        "final[0].line 9",
        "final[1].draft",
        "final[1].review",
        "final[1].line 9",
        "final",
    ]


def test_a_plan_with_rounds_is_read_again() -> None:
    made = make_plan(check_flow(Source(rounds("else best(by: review.score)")), catalog()))
    read = plan.from_json(plan.to_json(made))
    assert read == made
    verify(read)


ROLLS = 'flow roll() { six = chain up to 9 { n = ask "Roll a die." -> 1..6 } until n == 6 return six }'


def test_each_round_asks_anew_even_with_the_same_prompt() -> None:
    run = Run(ROLLS, said("3", "1", "6"))
    assert run.go().value == 6
    assert run.prompts == ["Roll a die."] * 3


@pytest.mark.parametrize("wrapped", ["repeat 3 {{ {} }} reduce sum", "map x in [1, 2, 3] {{ {} }} reduce sum"])
def test_rounds_in_a_block_stop_one_by_one(wrapped: str) -> None:
    body = 'chain up to 9 { n = ask "Roll a die." -> 1..6 } until n >= 5'
    run = Run(f"flow roll() {{ all = {wrapped.format(body)} return all }}", said(*"111565"))
    assert run.go().value == 16
    assert len(run.prompts) == 6


def test_rounds_in_rounds_have_a_last_of_their_own() -> None:
    flow = """flow f() {
      out = chain up to 3 {
        before = last ?? 0
        inner = chain up to 3 {
          told = ask "{{ before }} {% if last %}{{ last }}{% else %}none{% endif %}" -> int
        } until told >= before + 2
        inner + 10
      } until inner >= 14
      return out
    }"""
    run = Run(flow, said("1", "2", "12", "14", "25"))
    assert run.go().value == 24
    assert run.prompts == ["0 none", "0 1", "12 none", "12 12"]


def test_a_failure_in_a_round_fails_the_rounds() -> None:
    flow = """flow f() {
      out = map x in [1, 2] {
        chain up to 3 { n = ask "{{ x }}" -> int   m = 6 / (n - x) } until m >= 6 else last
      } reduce collect with errors: skip
      return out
    }"""
    answers = {"1": ["3", "2"], "2": ["5", "2"]}
    run = Run(flow, lambda request, number: answers[request.messages[-1].text].pop(0))
    outcome = run.go()
    assert (outcome.value, outcome.status) == ([6.0], "partial")
    (lost,) = outcome.losses
    assert lost.path == "out[1].line 3[1].m"


def test_rounds_that_take_too_long_fail() -> None:
    flow = 'flow f() { n = chain up to 9 { k = ask "a" -> int } until k == 2 with timeout: 5s return n }'
    run = Run(flow, lambda request, number: Scripted("1", 2.0))
    outcome = run.go()
    assert outcome.failures[0].reason == "it did not finish within 5 s; round 3 of at most 9 was under way"
    assert len(run.prompts) == 3


def test_the_condition_waits_for_the_steps_around_it() -> None:
    flow = """flow f() {
      wanted = ask "wanted" -> int
      n = chain up to 9 { k = ask "k" -> int } until k == wanted
      return n
    }"""
    run = Run(flow, lambda request, number: "2" if number in (0, 2) else "1")
    assert run.go().value == 2
    assert run.prompts == ["wanted", "k", "k"]


def test_a_map_in_a_round_takes_elements_as_they_come() -> None:
    flow = """flow f() {
      out = chain up to 3 {
        parts = map x in [1, 2] { ask "part {{ x }} {{ last }}" -> int } reduce collect
        more = map y in parts { ask "more {{ y }}" -> int } reduce sum
      } until more > 10 else last
      return out
    }""".replace("{{ last }}", "{{ last | default(0) }}")
    slow = {"part 1 0": 1.0, "part 2 0": 5.0, "more 1": 1.0}
    run = Run(
        flow, lambda request, number: Scripted("1" if number < 4 else "9", slow.get(request.messages[-1].text, 1.0))
    )
    assert run.go().value == 18
    assert run.prompts[2] == "more 1"


def seeds(inner: int) -> list[int | None]:
    body = f'chain up to {inner} {{ n = ask "Roll." -> int with seed: 100 }} until n == 0 else last'
    run = Run(f"flow f() {{ x = chain up to 3 {{ m = {body} }} until m == 0 else last return x }}", said(*["1"] * 9))
    run.go()
    return [request.seed for request in run.provider.calls]


def test_each_round_has_a_seed_of_its_own_whatever_the_number_of_rounds() -> None:
    few, many = seeds(2), seeds(3)
    assert len(set(many)) == 9
    assert [one for at, one in enumerate(many) if at % 3 < 2] == few


# The journal


def test_a_changed_number_of_rounds_pays_only_for_what_is_new(tmp_path: Path) -> None:
    shop, journal = Shop(drafts(2, 7, 7, 5, 1)), tmp_path / "journal.db"
    flow = rounds("else last")
    value, calls = shop.run(flow.replace("up to 4", "up to 2"), journal, topic="tea")
    assert (value["draft"], calls) == ({"text": "d1"}, 4)
    value, calls = shop.run(flow, journal, topic="tea")
    assert (value["draft"], calls) == ({"text": "d3"}, 4)
    value, calls = shop.run(flow.replace("up to 4", "up to 3"), journal, topic="tea")
    assert (value["draft"], calls) == ({"text": "d2"}, 0)


NESTED = """flow f() {
  out = chain up to OUTER {
    inner = chain up to INNER { n = ask "Roll." -> int } until n == 0 else last
  } until inner == 0 else last
  return out
}"""


def test_more_rounds_inside_rounds_leave_the_earlier_calls_as_they_are(tmp_path: Path) -> None:
    shop, journal = Shop(lambda request, number: str(number + 1)), tmp_path / "journal.db"

    def run(outer: int, inner: int) -> tuple[Any, int]:
        value, calls = shop.run(NESTED.replace("OUTER", str(outer)).replace("INNER", str(inner)), journal)
        return value, calls

    assert run(2, 2) == (4, 4)
    assert run(3, 2)[1] == 2
    assert run(3, 3)[1] == 3
    assert run(2, 2) == (4, 0)
