"""Cascades: which stages run, what they see, what a failure leads to, and what a resumed run pays again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Script, Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.cascade_tally import CascadeTally
from support.harness import Run
from support.keeping_shop import Shop

VOTE = """flow f(q: text) {
  x = cascade {
    vote = repeat 3 { ask "cheap {{ q }}" -> yes | no } reduce majority
    else ask "strong {{ q }}{% if last %} not {{ last }}{% endif %}" -> yes | no when agreement < 1
    else no
  }
  return x
}"""
TWO = 'flow f(q: text) { x = cascade { ask "a" -> int else ask "b" -> int when last < 5 } return x }'


def said(*answers: str) -> Script:
    return lambda request, number: answers[number]


def ends(tally: CascadeTally) -> list[tuple[str, str, int]]:
    return [(one.name, one.end, one.calls) for one in tally.stages]


def ran(flow: str, *answers: Any, **more: Any) -> Run:
    run = Run(flow, said(*answers), inputs={"q": "a"}, **more)
    run.go()
    return run


def test_a_cascade_ends_where_its_condition_is_false() -> None:
    run = ran(VOTE, "yes", "yes", "yes")
    assert (run.outcome.value, run.outcome.status) == ("yes", "done")
    assert ends(run.outcome.cascades["x"]) == [("vote", "value", 3), ("stage2", "skipped", 0), ("stage3", "skipped", 0)]
    assert [(one.path, one.skipped) for one in run.of(e.StepFinished)][-3:] == [
        ("x.stage2", True),
        ("x.stage3", True),
        ("x", False),
    ]


def test_a_skipped_stage_begins_and_ends_like_every_skipped_step() -> None:
    run = ran(VOTE, "yes", "yes", "yes")
    began = [one.path for one in run.of(e.StepStarted)]
    assert (began.count("x.stage2"), began.count("x.stage3")) == (1, 1)


def test_a_split_vote_goes_up_and_the_next_stage_sees_its_value() -> None:
    run = ran(VOTE, "yes", "no", "yes", "no")
    assert run.outcome.value == "no"
    assert run.prompts[3:] == ["strong a not yes"]
    assert ends(run.outcome.cascades["x"]) == [("vote", "up", 3), ("stage2", "value", 1), ("stage3", "skipped", 0)]


def test_a_stage_that_fails_leads_to_the_next_whatever_its_condition_says() -> None:
    flow = """flow f(q: text) {
      x = cascade {
        ask "one {{ q }}" -> int with retries: 0
        else ask "two {{ q }} {% if last %}{{ last }}{% else %}nothing{% endif %}" -> int when last > 5
        else ask "three" -> int
      }
      return x
    }"""
    run = ran(flow, "no number", "7")
    assert run.outcome.value == 7
    assert run.prompts == ["one a", "two a nothing"]
    assert run.outcome.status == "done"
    assert ends(run.outcome.cascades["x"])[0] == ("stage1", "failed", 1)
    run = ran(flow, "3")
    assert (run.outcome.value, run.prompts) == (3, ["one a"])
    run = ran(flow, "6", "7")
    assert (run.outcome.value, run.prompts[1]) == (7, "two a 6")


def test_an_else_without_a_condition_is_for_failures_alone() -> None:
    flow = 'flow f(q: text) { x = cascade { ask "{{ q }}" -> int with retries: 0 else 0 } return x }'
    assert ran(flow, "4").outcome.value == 4
    assert ran(flow, "four").outcome.value == 0


@pytest.mark.parametrize(
    ("stage", "answers"),
    [
        ('repeat 3 { ask "a" -> yes | no } reduce quorum(3)', ["yes", "no", "yes"]),
        ('repeat 2 { ask "a" -> yes | no } reduce majority(ties: error)', ["yes", "no"]),
        ('ask "a" -> yes | no check answer == yes with retries: 1', ["no", "no"]),
        ('chain { n = ask "a" -> yes | no with retries: 0 n }', ["maybe"]),
        ('chain up to 2 { n = ask "a" -> yes | no } until n == yes', ["no", "no"]),
    ],
)
def test_failures_of_a_stage(stage: str, answers: list[str]) -> None:
    flow = f'flow f(q: text) {{ x = cascade {{ {stage} else ask "up {{{{ q }}}}" -> yes | no }} return x }}'
    given = iter(answers)
    run = Run(
        flow, lambda request, number: next(given) if request.messages[-1].text == "a" else "no", inputs={"q": "a"}
    )
    run.go()
    assert (run.outcome.value, run.outcome.status) == ("no", "done")
    assert run.prompts[-1] == "up a"


def test_all_stages_tell_why_they_failed() -> None:
    flow = """flow f(q: text) {
      x = cascade { cheap = ask "a" -> int with retries: 0 else dear = ask "b" -> int with retries: 0 }
      return x
    }"""
    outcome = ran(flow, "one", "two").outcome
    (failure,) = outcome.failures
    assert failure.path == "x"
    assert failure.reason.startswith("2 stages failed: cheap: ")
    assert "; dear: " in failure.reason


def test_a_budget_is_no_failure_of_a_stage() -> None:
    flow = 'flow f(q: text) budget 1 calls { x = cascade { repeat 2 { ask "a" } reduce collect else ["b"] } return x }'
    made = flow.replace("budget 1 calls ", "")
    run = Run(make_budget(made, 1), said("1", "2"), inputs={"q": "a"})
    outcome = run.go()
    assert (outcome.status, outcome.value) == ("budget", None)


def make_budget(flow: str, calls: int) -> plan.Plan:
    from dataclasses import replace

    return replace(make_plan(check_flow(Source(flow), catalog())), calls_limit=calls)


def test_the_words_of_a_condition() -> None:
    flow = VOTE.replace("agreement < 1", "margin < 2 or agreement < 0.5")
    assert len(ran(flow, "yes", "no", "yes", "no").prompts) == 4
    assert len(ran(flow, "yes", "yes", "yes").prompts) == 3


def test_an_answer_without_a_probability_is_not_sure() -> None:
    flow = """flow f(q: text) {
      x = cascade { ask "{{ q }}" -> yes | no else ask "strong" -> yes | no when sure < 0.9 }
      return x
    }"""
    assert ran(flow, "yes", "no").outcome.value == "no"


def test_the_condition_waits_for_the_steps_around_it() -> None:
    flow = """flow f(q: text) {
      wanted = ask "wanted" -> int
      x = cascade { ask "k" -> int else ask "l" -> int when last != wanted }
      return x
    }"""
    slow: dict[str, Scripted | str] = {"wanted": Scripted("2", 5.0), "k": "1", "l": "3"}
    run = Run(flow, lambda request, number: slow[request.messages[-1].text], inputs={"q": "a"})
    assert run.go().value == 3
    assert sorted(run.prompts) == ["k", "l", "wanted"]


def test_cascades_in_maps_votes_and_each_other() -> None:
    flow = """flow f(q: text) {
      all = map n in [1, 2, 3] {
        cascade {
          ask "cheap {{ n }}" -> int
          else cascade {
            ask "mid {{ n }}" -> int
            else ask "top {{ n }} {{ last | default(0) }}" -> int when last < 20
          } when last < 2
        }
      } reduce collect
      voted = repeat 3 { cascade { ask "v" -> 1 | 2 else ask "w" -> 1 | 2 when last == "2" } } reduce majority
      return { all, voted }
    }""".replace("1 | 2", '"1" | "2"')
    answers = {"cheap 1": "1", "cheap 2": "2", "cheap 3": "0", "mid 1": "30", "mid 3": "7", "top 3 7": "8", "v": "2"}
    run = Run(flow, lambda request, number: answers.get(request.messages[-1].text, "1"), inputs={"q": "a"})
    outcome = run.go()
    assert outcome.value == {"all": [30, 2, 8], "voted": "1"}
    assert sorted(outcome.cascades)[:2] == ["all[0].line 3", "all[0].line 3.stage2"]
    assert len(outcome.cascades) == 7


def test_a_cascade_in_rounds_has_a_last_of_its_own() -> None:
    flow = """flow f(q: text) {
      x = chain up to 2 {
        n = cascade {
          ask "one {{ last | default(0) }}" -> int
          else ask "two {{ last | default(0) }}" -> int when last < 5
        }
      } until n > 9 else last
      return x
    }"""
    run = ran(flow, "1", "7", "8")
    assert run.prompts == ["one 0", "two 1", "one 7"]
    assert run.outcome.value == 8


def test_a_failure_outside_fails_the_cascade_and_pays_nothing() -> None:
    flow = """flow f(q: text) {
      before = ask "before" -> int with retries: 0
      x = cascade { ask "one {{ before }}" -> int else ask "two" -> int }
      return x
    }"""
    run = ran(flow, "none", "1")
    assert run.prompts == ["before"]
    assert run.outcome.status == "failed"


def test_a_cascade_that_takes_too_long_fails() -> None:
    flow = (
        'flow f(q: text) { x = cascade { ask "a" -> int else ask "b" -> int when last < 5 } with timeout: 3s return x }'
    )
    run = Run(flow, lambda request, number: Scripted("1", 2.0), inputs={"q": "a"})
    assert run.go().failures[0].reason == "it did not finish within 3 s; stage 2 of 2 was under way"


def test_a_plan_with_a_cascade_is_read_again() -> None:
    made = make_plan(check_flow(Source(VOTE), catalog()))
    read = plan.from_json(plan.to_json(made))
    assert read == made
    verify(read)


def test_an_adaptive_vote_stops_and_an_exact_one_runs_all() -> None:
    adaptive = VOTE.replace("repeat 3", "repeat 2..9").replace("reduce majority", "reduce ahead(2)")
    assert len(ran(adaptive, "yes", "yes").prompts) == 2
    exact = VOTE.replace("repeat 3", "repeat 5")
    assert len(ran(exact, *["yes"] * 5).prompts) == 5


# The journal


def test_a_further_stage_pays_only_for_itself(tmp_path: Path) -> None:
    shop, journal = Shop(lambda request, number: str(number)), tmp_path / "journal.db"
    two = TWO
    three = two.replace("when last < 5", 'when last < 5 else ask "c {{ last | default(0) }}" -> int when last < 3')
    assert shop.run(two, journal, q="a") == (1, 2)
    assert shop.run(two, journal, q="a") == (1, 0)
    assert shop.run(three, journal, q="a") == (2, 1)
