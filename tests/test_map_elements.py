"""Maps that hand their elements on, and the places of elements: in lists, in streams and in edited plans."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan, parse_flow, plan
from flowrun.dsl.formatting.format import format_file
from flowrun.runtime.catalog import catalog
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError, PlanError
from support.cpu import cpu_within
from support.harness import Run, planned, stage
from support.random_runs import HERE

ROWS = [
    {"name": "a", "ok": True, "score": 1},
    {"name": "b", "ok": False, "score": 5},
    {"name": "c", "ok": True, "score": 3},
]
HEAD = "type Row = { name: text, ok: bool, score: int }\nflow f(xs: [Row]) { "


def echo(request: Request, number: int) -> Scripted:
    return Scripted(request.messages[-1].text, 1)


def result(body: str, rows: Any = None, script: Any = echo) -> Run:
    ran = stage(f"{HEAD}{body} }}", script, {"xs": ROWS if rows is None else rows})
    assert ran.outcome.complete, ran.outcome.failures
    return ran


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ("map d in xs where d.ok reduce count", 2),
        ("map d in xs where d.ok reduce collect", [ROWS[0], ROWS[2]]),
        ("map d in xs reduce rank(by: score)", [ROWS[1], ROWS[2], ROWS[0]]),
        ("map d in xs where not d.ok reduce best(by: score)", ROWS[1]),
        ("map d in xs where d.ok reduce first", ROWS[0]),
        ("map one in [[1], [2, 3]] reduce flatten", [1, 2, 3]),
        ('map one in ["x", "y"] reduce concat("-")', "x-y"),
        ("map n in [1, 4, 1] reduce majority", 1),
        ("map n in [1, 4] reduce sum", 5),
        ("map d in xs where d.score > 9 reduce collect", []),
        ('map one in ["x", "y"] reduce ask "{{ results }}"', '["x", "y"]'),
        ('map one in ["x", "y", "z"] reduce by 2 ask "({{ results | join }})"', "((xy)z)"),
        ('map one in ["x", "y", "z"] reduce fold ask "{{ so_far }}>{{ next }}"', "x>y>z"),
    ],
)
def test_the_elements_are_the_results(node: str, value: Any) -> None:
    assert result(f"a = {node} return a").outcome.value == value


@pytest.mark.parametrize("rule", ["count", "collect", "rank(by: score)", 'ask "{{ results }}"'])
def test_a_map_without_a_body_is_the_map_with_its_element_as_body(rule: str) -> None:
    bare, written = (
        planned(f"{HEAD}a = map d in xs where d.ok{body} reduce {rule} return a }}") for body in ("", " { d }")
    )
    assert bare == written


def test_an_extern_may_reduce_the_elements() -> None:
    text = (
        'extern pick(results: [int]) -> int from "picks:pick"\n'
        "flow f(xs: [int]) { a = map x in xs where x > 1 reduce pick return a }"
    )
    [step] = planned(text).steps
    assert isinstance(step.node, plan.Map)
    assert step.node.reduce.form == "extern"


def test_no_body_is_opened_for_an_element_that_is_handed_on() -> None:
    ran = result("a = map d in xs where d.ok reduce count return a")
    assert [event.path for event in ran.of(e.StepFinished)] == ["a"]
    assert [event.path for event in ran.of(e.ElementFinished)] == ["a[0]", "a[1]"]
    [opened], [closed] = ran.of(e.BlockOpened), ran.of(e.BlockClosed)
    assert (opened.elements, opened.steps, closed.spared) == (2, 0, 0)


def test_an_element_of_a_growing_list_has_the_path_of_its_place_there() -> None:
    body = """ys = map d in xs { t = ask "{{ d.name }}" l = [t, t] l } reduce flatten
              zs = map y in ys where y != "b" reduce collect return zs"""
    ran = result(body, script=late_first)
    assert ran.outcome.value == ["a", "a", "c", "c"]
    paths = [event.path for event in ran.of(e.ElementFinished) if event.path.startswith("zs")]
    assert sorted(paths) == ["zs[0,0]", "zs[0,1]", "zs[2,0]", "zs[2,1]"]


def test_many_elements_are_handed_on_in_a_second() -> None:
    rows = [{"name": "r", "ok": at % 2 == 0, "score": at % 5} for at in range(200_000)]
    state = Run(f"{HEAD}a = map d in xs where d.ok reduce count return a }}", inputs={"xs": rows})
    with cpu_within(1.5):
        assert state.go().value == 100_000


def test_the_formatter_leaves_a_body_as_it_is() -> None:
    for text in (
        "map x in xs reduce count",
        "map x, i in xs { x } reduce count",
        "map x, i in xs where i > 1 reduce count",
    ):
        whole = f"flow f(xs: [int]) {{\n  a = {text}\n  return a\n}}\n"
        assert format_file(parse_flow(Source(whole))) == whole


# Places


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ("map d, i in xs { i } reduce collect", [1, 2, 3]),
        ("map d, i in xs where d.ok { i } reduce collect", [1, 3]),
        ("map d, i in xs where i != 2 { i } reduce collect", [1, 3]),
        ("map d, i in xs where i > 1 at most 2 { { i, name: d.name } } reduce rank(by: i)", [
            {"i": 3, "name": "c"}, {"i": 2, "name": "b"},
        ]),
        ('map d, i in xs { ask "{{ i }} {{ d.name }}" } reduce collect', ["1 a", "2 b", "3 c"]),
        ("map d, i in xs { map x, j in [5, 6] { n = i * 10 + j } reduce collect } reduce flatten", [
            11, 12, 21, 22, 31, 32,
        ]),
        ("map d, i in xs where i < 3 reduce count", 2),
    ],
)  # fmt: skip
def test_a_place_counts_from_1_and_before_the_condition(node: str, value: Any) -> None:
    assert result(f"a = {node} return a").outcome.value == value


def late_first(request: Request, number: int) -> Scripted:
    """Answer the first map's elements in the wrong order; spoil the one that asks for it."""
    prompt = request.messages[-1].text
    if prompt == "first b lost":
        return Scripted(PermanentError("lost"))
    return Scripted(prompt.removeprefix("first "), {"first a": 9, "first b": 5, "first c": 1}.get(prompt, 1))


FIRST = 'ys = map d in xs {{ ask "first {{{{ d.name }}}}{lost}" }} reduce collect{errors}'


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        (FIRST.format(lost="", errors=""), "", ["1a", "2b", "3c"]),
        (FIRST.format(lost="", errors=""), ' where y != "b"', ["1a", "3c"]),
        (FIRST.format(lost="", errors=""), " where i > 1", ["2b", "3c"]),
        (FIRST.format(lost=" lost", errors=" with errors: skip"), "", ["1a lost", "2c lost"]),
        (FIRST.format(lost=" lost", errors=" with errors: none"), "", ["1a lost", "2", "3c lost"]),
        (
            'ys = map d in xs { t = ask "first {{ d.name }}" l = [t, t] l } reduce flatten',
            " where i != 2",
            ["1a", "3b", "4b", "5c", "6c"],
        ),
    ],
)
def test_a_place_in_a_growing_list_is_that_of_the_whole_list(first: str, second: str, value: list[str]) -> None:
    prompt = "{{ i }}{{ y | default('') }}"
    body = f'{first} zs = map y, i in ys{second} {{ ask "{prompt}" }} reduce collect return zs'
    ran = result(body, script=late_first)
    assert ran.outcome.value == value


def test_an_element_with_a_place_waits_for_the_elements_before_it_and_no_longer() -> None:
    """In a list whose length is known, an element does not even wait for those."""
    second = 'zs = map y, i in ys{} {{ ask "{{{{ i }}}} {{{{ y }}}}" }} reduce collect return zs'
    known = result(FIRST.format(lost="", errors="") + " " + second.format(""), script=late_first)
    assert [ran for ran in known.prompts if "first" not in ran] == ["3 c", "2 b", "1 a"]
    assert known.seconds == 10
    later = result(FIRST.format(lost="", errors="") + " " + second.format(" where i < 9"), script=late_first)
    assert [ran for ran in later.prompts if "first" not in ran] == ["1 a", "2 b", "3 c"]


def test_paths_do_not_change_with_a_place() -> None:
    ran = result('a = map d, i in xs where i > 1 { b = ask "{{ i }}" b } reduce collect return a')
    assert [event.path for event in ran.of(e.StepFinished) if event.path.endswith(".b")] == ["a[0].b", "a[1].b"]


def test_a_plan_without_a_place_has_no_word_about_it() -> None:
    text = HEAD + "a = map d{} in xs reduce count return a }"
    assert '"index"' not in plan.to_json(planned(text.replace("{}", "")))
    made = planned(text.replace("{}", ", i"))
    assert '"index":"i"' in plan.to_json(made)
    assert plan.from_json(plan.to_json(made)) == made


def edited(text: str, **changes: Any) -> plan.Plan:
    made = make_plan(check_flow(Source(text), catalog()))
    [step] = made.steps
    assert isinstance(step.node, plan.Map)
    return replace(made, steps=(replace(step, node=replace(step.node, **changes)),))


@pytest.mark.parametrize(
    ("index", "refused"),
    [
        ("d", "the place `d` of `a` has a name that is taken around it"),
        ("xs", "the place `xs` of `a` has a name that is taken around it"),
        ("not a name", "which the language does not allow"),
        ("results", "the name `results` is taken"),
    ],
)
def test_an_edited_place_is_checked_again(index: str | None, refused: str) -> None:
    text = f"{HEAD}a = map d in xs {{ {{ name: d.name }} }} reduce collect return a }}"
    with pytest.raises(PlanError) as caught:
        verify(edited(text, index=index))
    assert refused in str(caught.value)


def test_a_body_that_mentions_a_place_needs_it() -> None:
    text = f"{HEAD}a = map d, i in xs {{ {{ i, name: d.name }} }} reduce collect return a }}"
    with pytest.raises(PlanError, match="mentions `i`"):
        verify(edited(text, index=None))


def test_the_bounds_of_a_map_know_the_places_of_a_known_list() -> None:
    text = 'flow f() { a = map w, i in ["x", "y", "z"] where i > 1 { ask "{{ w }}{{ i }}" } reduce collect return a }'
    bounds = estimate_plan(planned(text), {}, HERE, model="m", environ={})
    assert (bounds.calls.least, bounds.calls.most) == (2, 6)


def test_a_map_with_places_reads_as_json() -> None:
    data = json.loads(plan.to_json(planned(f"{HEAD}a = map d, i in xs reduce count return a }}")))
    assert data["steps"][0]["node"]["index"] == "i"
