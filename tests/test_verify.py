"""A plan that was edited by hand is refused before it runs, with the step that breaks a rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowrun.dsl import Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.vocabulary.errors import PlanError
from support.cpu import cpu_within
from support.edited_plans import Edit, apply, both, call, constant, made, prompt, ref, step

EDITS: dict[str, tuple[Edit, str]] = {
    "a need of an ask removed": (lambda d: step(d, "b")["needs"].clear(), "`b` mentions `a` and does not wait for it"),
    "a need of an inner step removed": (lambda d: step(d, "y").update(needs=[]), "`y` mentions `x` and does not wait"),
    "a need of `where` removed": (lambda d: step(d, "m").update(needs=[]), "`m` mentions `a` and does not wait"),
    "a need of a reducer removed": (
        lambda d: step(d, "m")["node"]["reduce"].update(needs=[]),
        "`m` mentions `a` and does not wait",
    ),
    "a need of a tally removed": (
        lambda d: step(d, "share").update(needs=[]),
        "`share` mentions `v` and does not wait",
    ),
    "a need that is not there": (lambda d: step(d, "a")["needs"].append("ghost"), "`a` needs `ghost`"),
    "a need inside another block": (lambda d: step(d, "a")["needs"].append("x"), "`a` needs `x`"),
    "a sibling branch in a template": (
        lambda d: prompt(step(d, "left")["node"], "{{ third }}"),
        "`left` mentions `third` and does not wait for it",
    ),
    "a sibling branch in a template, waited for": (
        both(
            lambda d: prompt(step(d, "left")["node"], "{{ third }}"), lambda d: step(d, "left")["needs"].append("third")
        ),
        "the branch `left` of `view` needs the branch `third`: they cannot run side by side",
    ),
    "a sibling branch in an expression": (
        lambda d: step(d, "third").update(needs=["left"], node={"kind": "value", "expr": ref("left")}),
        "the branch `third` of `view` needs the branch `left`",
    ),
    "a sibling branch in `when`": (
        lambda d: step(d, "left").update(needs=["a", "third"], when=apply(">", ref("third"), constant(1))),
        "the branch `left` of `view` needs the branch `third`",
    ),
    "a sibling branch in a chain inside": (
        lambda d: step(d, "z")["needs"].append("left"),
        "the branch `right` of `view` needs the branch `left`",
    ),
    "a sibling branch in a reducer inside": (
        lambda d: step(d, "w")["node"]["reduce"].update(needs=["third"]),
        "the branch `right` of `view` needs the branch `third`",
    ),
    "a branch that needs itself": (lambda d: step(d, "left")["needs"].append("left"), "the branch `left` of `view`"),
    "a circle": (lambda d: step(d, "a")["needs"].append("b"), "these steps wait for each other: a → b → a"),
    "a circle through a block": (
        lambda d: step(d, "a")["needs"].append("m"),
        "these steps wait for each other: a → m → a",
    ),
    "a step that needs the block around it": (lambda d: step(d, "x")["needs"].append("m"), "m → m"),
    "a reducer that needs its own block": (lambda d: step(d, "m")["node"]["reduce"]["needs"].append("m"), "m → m"),
    "a circle inside a chain": (lambda d: step(d, "z")["needs"].append("w"), "z → w → z"),
    "an unknown function": (
        lambda d: step(d, "third")["node"].update(expr=call("shell", of=constant("ls"))),
        "no function is called `shell`",
    ),
    "a function without its argument": (
        lambda d: step(d, "third")["node"].update(expr=call("length")),
        "the arguments of `length`",
    ),
    "an unknown operator": (
        lambda d: step(d, "third")["node"].update(expr=apply("**", constant(9), constant(9))),
        "the operator `**` does not take 2 operands",
    ),
    "an operator short of an operand": (
        lambda d: step(d, "third")["node"].update(expr=apply("+", constant(9))),
        "the operator `+` does not take 1 operands",
    ),
    "an unknown reducer": (
        lambda d: step(d, "v")["node"]["reduce"].update(rule="most"),
        "`v` has no way to combine its results: no reducer is called `most`",
    ),
    "two steps of one name": (lambda d: step(d, "share").update(name="view"), "the name `view` has two"),
    "a step named as a parameter": (lambda d: step(d, "a").update(name="items"), "the name `items` has two"),
    "an inner step named as an outer": (lambda d: step(d, "x").update(name="a"), "the name `a` has two"),
    "an element named as a step": (
        lambda d: step(d, "w")["node"].update(element="a"),
        "the element `a` of `w` has a name that is taken around it",
    ),
    "two parameters of one name": (lambda d: d["params"].append(d["params"][0]), "two parameters or models"),
    "a template outside the subset": (
        lambda d: prompt(step(d, "b")["node"], "{{ a.__class__() }}"),
        "a template of this plan is outside the language",
    ),
    "a broken template": (lambda d: prompt(step(d, "b")["node"], "{{ a"), "a template of this plan is outside"),
    "a text outside the subset": (
        lambda d: step(d, "third")["node"].update(expr={"kind": "text", "template": "{{ 'x' * 9 }}"}),
        "a template of this plan is outside the language",
    ),
    "a mention of nothing": (
        lambda d: prompt(step(d, "a")["node"], "{{ ghost }}"),
        "`a` mentions `ghost`, and that name is unknown there",
    ),
    "an element outside of its map": (lambda d: prompt(step(d, "a")["node"], "{{ e }}"), "`a` mentions `e`"),
    "a model that is a step": (
        lambda d: step(d, "left")["node"].update(model=ref("v")),
        "`left` mentions `v` and does not wait for it",
    ),
    "a result of a step that is not there": (lambda d: d.update(result=ref("x")), "the flow returns `x`"),
    "a block whose value is not its own": (
        lambda d: step(d, "right")["node"]["body"].update(result="left"),
        "the value of `right`",
    ),
    "a repeat of none": (
        lambda d: step(d, "v")["node"].update(least=0, most=0),
        "`v` repeats from 0 up to 0 times",
    ),
    "a repeat backwards": (lambda d: step(d, "v")["node"].update(most=-1), "`v` repeats from 3 up to -1 times"),
    "a default that mentions a step": (
        lambda d: d["params"][1].update(default=ref("a")),
        "`limit` mentions `a`, and that name is unknown",
    ),
    "a default that calls an unknown function": (
        lambda d: d["params"][1].update(default=call("shell")),
        "no function is called `shell`",
    ),
    "a model's option that mentions a parameter": (
        lambda d: d["models"][0]["options"].update(temperature=ref("limit")),
        "`fast` mentions `limit`",
    ),
}


@pytest.mark.parametrize(("edit", "message"), EDITS.values(), ids=EDITS)
def test_an_edited_plan_is_refused(edit: Edit, message: str) -> None:
    data = made()
    edit(data)
    with pytest.raises(PlanError) as caught:
        verify(plan.from_json(json.dumps(data)))
    assert message in str(caught.value)


def test_an_unedited_plan_passes() -> None:
    verify(plan.from_json(json.dumps(made())))


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parent.parent / "workflows").glob("*.flow")), ids=lambda path: path.name
)
def test_the_plans_of_the_examples_pass(path: Path) -> None:
    verify(plan.from_json(plan.to_json(make_plan(check_flow(Source(path.read_text(), str(path)), catalog())))))


@pytest.mark.parametrize("edit", [lambda d: d.update(version=99), lambda d: d.update(steps=[{"name": "a"}])])
def test_what_is_no_plan_is_refused_when_it_is_read(edit: Edit) -> None:
    data = made()
    edit(data)
    with pytest.raises(ValueError, match=r"version|steps"):
        plan.from_json(json.dumps(data))


@pytest.mark.no_cover
def test_a_deep_plan_is_read_back_in_no_time() -> None:
    step = 'ask "{{ x }}" -> [[{ a: [int?] }]]'
    for _ in range(45):
        step = f"chain {{ {step} }}"
    made = make_plan(check_flow(Source(f"flow f(x: text) {{ a = {step} return a }}"), catalog()))
    text = plan.to_json(made)
    with cpu_within(2):
        assert plan.from_json(text) == made
    for hostile in ("[" * 100_000, '{"version": 1}', "null", '{"flow": NaN}'):
        with pytest.raises(ValueError, match=r"."):
            plan.from_json(hostile)
