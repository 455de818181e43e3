"""What a reducer sees: its asks see the results and the branches by their names, its arguments neither."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError, Source, bounds_of, check_flow, make_plan, picture_of, plan, to_mermaid
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PlanError
from support.bank import Bank, stretch
from support.harness import Run, stage

Json = Any
TEXTS = 'a = ask "one"  b = ask "two"  c = ask "three"'
CHOICES = 'a = ask "one" -> p | q  b = ask "two" -> p | q'
LISTS = 'a = ask "one" -> [p | q]  b = ask "two" -> [p | q]'
RECORDS = 'a = ask "one" -> { l: p | q, s: 0.0..1.0 }  b = ask "two" -> { l: p | q, s: 0.0..1.0 }'
WORDS = {"one": "A", "two": "B", "three": "C"}
BALLOTS = {"one": "p", "two": "q"}
RANKINGS = {"one": '["p"]', "two": '["q"]'}
RATED = {"one": '{"l": "p", "s": 0.5}', "two": '{"l": "q", "s": 0.5}'}


def flow(reduce: str, branches: str = TEXTS, before: str = "", params: str = "") -> str:
    return f"flow f({params}) {{ {before} x = fanout {{ {branches} }} reduce {reduce}  return x }}"


def run(
    text: str,
    said: dict[str, str],
    then: str = "1",
    inputs: dict[str, Json] | None = None,
    seconds: dict[str, float] | None = None,
) -> Run:
    """Branches answer with what is ``said`` to their prompts, after ``seconds``; all else answers ``then``."""

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        return Scripted(said.get(prompt, then), (seconds or {}).get(prompt, 0.0))

    return stage(text, script, inputs)


ASKS = [
    ('best(judge: ask "{{ a }}/{{ b }}/{{ results }}")', TEXTS, WORDS, "1", "A/B/"),
    ('rank(judge: ask "{{ a }}/{{ b }}/{{ results }}")', TEXTS, WORDS, "[1, 2, 3]", "A/B/"),
    ('majority(ties: ask "{{ a }}/{{ b }}/{{ results }}")', CHOICES, BALLOTS, "q", 'p/q/["p", "q"]'),
    ('quorum(1, ties: ask "{{ a }}/{{ results }}")', CHOICES, BALLOTS, "q", 'p/["p", "q"]'),
    ('weighted(by: s, of: l, ties: ask "{{ b }}/{{ results }}")', RECORDS, RATED, "q", RATED["two"]),
    ('approval(ties: ask "{{ a }}/{{ results }}")', LISTS, RANKINGS, "q", '["p"]/["p", "q"]'),
    ('ranked(ties: ask "{{ a }}/{{ results }}")', LISTS, RANKINGS, "q", '["p"]/["p", "q"]'),
    ('ask "{{ a }}/{{ b }}/{{ results }}"', TEXTS, WORDS, "M", 'A/B/["A", "B", "C"]'),
    ('by 2 ask "{{ a }}/{{ c }}/{{ results }}"', TEXTS, WORDS, "M", "A/C/"),
    ('by tokens(1) ask "{{ a }}/{{ c }}/{{ results }}"', TEXTS, WORDS, "M", "A/C/"),
    ('fold ask "{{ c }}/{{ so_far }}/{{ next }}"', TEXTS, WORDS, "M", "C/"),
    ('fold(from: "s") ask "{{ c }}/{{ so_far }}/{{ next }}"', TEXTS, WORDS, "M", "C/"),
]


@pytest.mark.parametrize(("reduce", "branches", "said", "then", "seen"), ASKS, ids=[row[0][:30] for row in ASKS])
def test_every_ask_of_a_reducer_sees_the_branches(
    reduce: str, branches: str, said: dict[str, str], then: str, seen: str
) -> None:
    ran = run(flow(reduce, branches), said, then)
    assert ran.outcome.status == "done", ran.outcome.failures
    behind = [prompt for prompt in ran.prompts if prompt not in said]
    assert behind
    assert all(prompt.startswith(seen) for prompt in behind)


@pytest.mark.parametrize(("reduce", "branches"), [row[:2] for row in ASKS], ids=[row[0][:30] for row in ASKS])
def test_such_a_flow_is_planned_and_drawn(reduce: str, branches: str) -> None:
    made = make_plan(check_flow(Source(flow(reduce, branches)), catalog()))
    assert bounds_of(made, catalog().reducers).calls.most != 0
    assert to_mermaid(picture_of(made, catalog().functions))
    node = made.steps[0].node
    assert isinstance(node, plan.Fanout)
    # The branches are its own: no edge leads to them, and none is waited for.
    assert node.reduce.needs == ()
    verify(plan.from_json(plan.to_json(made)))


def test_a_judge_is_shown_numbers_only_for_the_results() -> None:
    """A branch that is mentioned by name reads as in any prompt, also a list in a loop."""
    lists = 'a = ask "one" -> [text]  b = ask "two" -> [text]'
    judge = "{% for y in results %}{{ y }};{% endfor %}{% for y in a %}{{ y }};{% endfor %}{{ a | join }}"
    ran = run(flow(f'best(judge: ask "{judge}")', lists), {"one": '["x", "y"]', "two": '["z"]'})
    assert sorted(ran.prompts[2:]) == ['1. ["x", "y"];2. ["z"];x;y;xy', '1. ["z"];2. ["x", "y"];x;y;xy']


def test_a_model_and_options_see_what_the_ask_sees() -> None:
    branches = 'a = m  b = ask "two"  v = repeat 3 { ask "vote" -> yes | no } reduce majority'
    reduce = '(ask a "{{ b }}" with temperature: agreement(v), max_tokens: length([b, b]))'
    ran = run(flow(reduce, branches, params="m: model"), {"two": "B", "vote": "yes"}, "M", {"m": "m"})
    assert ran.outcome.value == "M", ran.outcome.failures
    last = ran.provider.calls[-1]
    assert (last.messages[-1].text, last.temperature, last.max_tokens) == ("B", 1.0, 2)


@pytest.mark.parametrize("reduce", ["by 2 ask", "by tokens(1) ask"])
def test_options_of_a_tree_see_what_it_merges(reduce: str) -> None:
    ran = run(flow(f'({reduce} "{{{{ results }}}}" with max_tokens: length(results))'), WORDS, "M")
    assert [call.max_tokens for call in ran.provider.calls[3:]] == [2, 2]


@pytest.mark.parametrize(
    ("reduce", "seconds"),
    [
        ('by 2 ask "{{ c }} {{ results }}"', 52),
        ('by 2 ask "{{ results }}"', 51),
        ('(by 2 ask "{{ results }}" with max_tokens: length([c]))', 52),
        ('by tokens(1) ask "{{ c }} {{ results }}"', 52),
        ('fold ask "{{ c }} {{ so_far }} {{ next }}"', 52),
        ('fold ask "{{ so_far }} {{ next }}"', 51),
    ],
)
def test_a_tree_and_a_fold_wait_for_the_branches_that_they_mention(reduce: str, seconds: float) -> None:
    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        return Scripted(WORDS.get(prompt, "M"), 50 if prompt == "three" else 1)

    ran = stage(flow(reduce), script)
    assert ran.outcome.value == "M", ran.outcome.failures
    assert ran.seconds == seconds


def test_a_tree_fails_with_the_branch_that_it_waits_for() -> None:
    branches = TEXTS.replace('"three"', '"three" -> int')
    ran = run(flow('by 2 ask "{{ c }} {{ results }}"', branches), WORDS, "M", seconds={"three": 9})
    assert [failure.path for failure in ran.outcome.failures] == ["x.c"]


RACED = 'a = ask "one" -> { l: p | q }  b = ask "two" -> { l: p | q }  c = ask "three" -> { l: p | q }'


@pytest.mark.parametrize(
    ("template", "seen"),
    [
        ("{{ a }}.", "null."),
        ("{% if a %}{{ a.l }}{% else %}lost{% endif %}{% if b %}{{ b.l }}{% endif %}", "lostq"),
        ("{{ a.l | default('lost') }} {{ results }}", 'lost ["q", "p"]'),
        ("{{ 'a: ' ~ a }}", "a: null"),
    ],
)
def test_a_branch_that_a_vote_did_without_is_none(template: str, seen: str) -> None:
    said = {"one": "no record", "two": '{"l": "q"}', "three": '{"l": "p"}'}
    ran = run(flow(f'majority(by: l, ties: ask "{template}")', RACED), said, "p")
    assert ran.outcome.value == {"l": "p"}, ran.outcome.failures
    assert ran.prompts[-1] == seen


@pytest.mark.parametrize("use", ["{{ a.l }}", "{{ a.l | upper }}", "{% if a.l == 'p' %}x{% endif %}"])
def test_what_would_fail_without_the_branch_is_refused(use: str) -> None:
    with pytest.raises(FlowError) as caught:
        check_flow(Source(flow(f'majority(by: l, ties: ask "{use} {{{{ results }}}}")', RACED)), catalog())
    assert [one.code for one in caught.value.diagnostics] == ["F0306"]


def test_reducers_inside_bodies_see_their_own_branches_and_what_is_around() -> None:
    text = """flow f(xs: [text]) {
      x = map e in xs {
        fanout {
          a = ask "a {{ e }}"
          b = chain {
            u = ask "u {{ e }}"
            fanout { c = ask "c {{ u }}"  d = ask "d {{ e }}" } reduce best(
              judge: ask "in/{{ e }}/{{ u }}/{{ c }}/{{ results }}",
            )
          }
        } reduce best(judge: ask "out/{{ e }}/{{ a }}/{{ b }}/{{ results }}")
      } reduce by 2 ask "all {{ results }}"
      return x
    }"""

    def script(request: Request, number: int) -> str:
        prompt = request.messages[-1].text
        return "1" if prompt.startswith(("in", "out")) else f"<{prompt}>"

    ran = stage(text, script, {"xs": ["x", "y"]})
    assert ran.outcome.status == "done", ran.outcome.failures
    inner = {prompt.partition("\n")[0] for prompt in ran.prompts if prompt.startswith("in/")}
    assert inner == {f"in/{e}/<u {e}>/<c <u {e}>>/" for e in "xy"}
    outer = {prompt.partition("\n")[0] for prompt in ran.prompts if prompt.startswith("out/")}
    assert len(outer) == 2
    assert all(prompt.startswith(("out/x/<a x>/<", "out/y/<a y>/<")) for prompt in outer)


def test_a_reducer_waits_for_the_steps_around_that_its_asks_mention() -> None:
    text = flow('best(judge: ask "{{ slow }} {{ a }} {{ results }}")', before='slow = ask "slow"')
    ran = run(text, {**WORDS, "slow": "S"}, seconds={"slow": 30, "one": 20})
    assert ran.outcome.status == "done", ran.outcome.failures
    # The judge waits, and the branches do not.
    assert ran.seconds == 30
    assert all(prompt.startswith("S A ") for prompt in ran.prompts[4:])
    assert len(ran.prompts) == 6


def test_words_of_arguments_may_be_names_of_branches() -> None:
    branches = 'first = ask "one" -> p | q  error = ask "two" -> p | q'
    assert run(flow("majority(ties: first)", branches), BALLOTS).outcome.value == "p"
    assert run(flow("majority(ties: error)", branches), BALLOTS).outcome.status == "failed"


def test_a_judge_is_not_asked_again_by_a_run_that_goes_on(tmp_path: Path) -> None:
    """What a judge reads of the branches is from the journal, word for word, so its call is known there."""
    made = make_plan(check_flow(Source(flow('best(judge: ask "{{ a }} {{ b }} {{ results }}")')), catalog()))

    def judges(request: Request) -> bool:
        return "\n" in request.messages[-1].text

    at = Bank(
        random.Random(3),
        faults=(),
        speak=lambda request: "2" if judges(request) else f"draft {request.messages[-1].text}",
        seconds=lambda request: 10.0 if judges(request) else 1.0,
    )
    assert stretch(tmp_path / "j.db", at, plan=made, kill_at=5.0).result is None
    asked = [prompt for prompt, _ in at.asked]
    assert len(asked) == 5
    went_on = stretch(tmp_path / "j.db", at)
    assert went_on.result is not None
    assert went_on.result.status == "done"
    # The judge alone is asked again, and the same: when the run was killed its answers were on their way.
    assert [prompt for prompt, _ in at.asked][5:] == asked[3:]
    again = stretch(tmp_path / "j.db", at, plan=made)
    assert again.result is not None
    assert again.result.value == went_on.result.value
    assert len(at.asked) == 7
    assert sum(again.recalled.values()) == 5


# A plan that was edited

JUDGED = json.loads(
    plan.to_json(make_plan(check_flow(Source(flow('best(judge: ask "{{ a }} {{ results }}")')), catalog())))
)
OUTER = flow('concat("-")', before='o = ask "four"')
JOINED = json.loads(plan.to_json(make_plan(check_flow(Source(OUTER), catalog()))))
FOLDED = json.loads(
    plan.to_json(
        make_plan(check_flow(Source(flow('fold(from: "s") ask "{{ so_far }} {{ next }} {{ c }}"')), catalog()))
    )
)


def edited(data: Json, edit: Callable[[Json], object]) -> plan.Plan:
    copy = json.loads(json.dumps(data))
    edit(copy["steps"][-1]["node"])
    return plan.from_json(json.dumps(copy))


def ref(name: str) -> Json:
    return {"kind": "ref", "name": name}


def text_of(template: str) -> Json:
    return {"kind": "text", "template": template}


COUNTED = {"kind": "call", "function": "length", "args": {"of": ref("results")}}
REFUSED: dict[str, tuple[Json, Callable[[Json], object], str]] = {
    "a branch": (
        JOINED,
        lambda node: node["reduce"]["args"].update(separator=ref("a")),
        "an argument of the reducer of `x` mentions `a`",
    ),
    "a branch in a text": (
        JOINED,
        lambda node: node["reduce"]["args"].update(separator=text_of("{{ b }}")),
        "an argument of the reducer of `x` mentions `b`",
    ),
    "the results": (
        JOINED,
        lambda node: node["reduce"]["args"].update(separator=COUNTED),
        "an argument of the reducer of `x` mentions `results`",
    ),
    "a branch that is waited for": (
        JOINED,
        lambda node: node["reduce"].update(args={"separator": ref("a")}, needs=["a"]),
        "needs `a`, and no step around it",
    ),
    "a step that is not waited for": (
        JOINED,
        lambda node: node["reduce"]["args"].update(separator=ref("o")),
        "mentions `o` and does not wait for it",
    ),
    "what a fold begins with": (
        FOLDED,
        lambda node: node["reduce"]["args"].update({"from": ref("a")}),
        "an argument of the reducer of `x` mentions `a`",
    ),
    "a fold's own": (
        FOLDED,
        lambda node: node["reduce"]["args"].update({"from": ref("next")}),
        "an argument of the reducer of `x` mentions `next`",
    ),
    "the width of a tree": (
        FOLDED,
        lambda node: node["reduce"].update(rule="by", args={}, count=COUNTED),
        "an argument of the reducer of `x` mentions `results`",
    ),
    "the results in a fold": (
        FOLDED,
        lambda node: node["reduce"]["ask"]["messages"][0].update(template="{{ results }}"),
        "mentions `results`, and that name is unknown there",
    ),
    "another fan-out's branch in a judge": (
        JUDGED,
        lambda node: node["reduce"]["deciding"]["messages"][0].update(template="{{ z }}"),
        "mentions `z`, and that name is unknown there",
    ),
    "a branch with the name of what is combined": (
        JUDGED,
        lambda node: node["body"].update(
            steps=[dict(one, name=one["name"].replace("b", "results")) for one in node["body"]["steps"]]
        ),
        "the name `results` has two",
    ),
}


@pytest.mark.parametrize(("data", "edit", "message"), REFUSED.values(), ids=REFUSED)
def test_an_edited_reducer_is_refused(data: Json, edit: Callable[[Json], object], message: str) -> None:
    verify(edited(data, lambda node: None))
    with pytest.raises(PlanError) as caught:
        verify(edited(data, edit))
    assert message in str(caught.value)


def test_an_argument_may_mention_a_step_that_the_reducer_waits_for() -> None:
    verify(edited(JOINED, lambda node: node["reduce"].update(args={"separator": ref("o")}, needs=["o"])))


def test_asks_of_an_edited_reducer_may_mention_branches() -> None:
    verify(edited(JUDGED, lambda node: node["reduce"]["deciding"]["messages"][0].update(template="{{ b }} {{ c }}")))
