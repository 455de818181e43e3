"""A plan that was edited by hand is refused before it runs, with the step that breaks a rule."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.vocabulary.errors import PlanError

Json = Any
FLOW = """
model fast = "openai:m" with temperature: 0.5
flow f(items: [text], limit: int = 3, policy: text = text "p") {
  a = ask "a {{ policy }}"
  b = ask fast "b {{ a }}" when length(a) > 3 else "none of it"
  m = map e in items where e != a { x = ask "x {{ e }} {{ b }}" y = ask "y {{ x }}" }
    reduce by 2 ask "t {{ results }} {{ a }}"
  v = repeat 3..5 { ask "v {{ a }}" -> aye | nay } reduce majority(at_least: limit)
  view = fanout {
    left = ask "left {{ a }}"
    right = chain { z = ask "z {{ b }}" w = map q in items { ask "w {{ q }} {{ z }}" } reduce collect }
    third = length(items) + 1
  } reduce ask "r {{ left }} {{ right }} {{ third }} {{ m }}"
  share = agreement(v)
  return { view, share, votes: votes(v) }
}
"""


INNER = """
flow inner(note: text, tone: text = "dry") {
  p = ask "p {{ note }}"
  view = fanout { one = ask "one {{ p }}" two = ask "two {{ tone }}" } reduce collect
  d = 1
  return { view, d }
}
"""
DEEP = 'flow deep() { z = ask "z" return z }'


def made() -> Json:
    return json.loads(plan.to_json(make_plan(check_flow(Source(FLOW), catalog()))))


def with_calls() -> Json:
    """A plan whose flows call each other, and Python."""
    data = made()
    inner = make_plan(check_flow(Source(INNER), catalog()))
    deep = make_plan(check_flow(Source(DEEP), catalog()))
    for name, one in (("inner", inner), ("deep", deep)):
        flow = json.loads(plan.to_json(one))
        data["flows"][name] = {key: flow[key] for key in ("params", "steps", "result", "type")}
    text = data["params"][2]["type"]
    results = {"name": "results", "type": text, "default": None, "required": True}
    key = {"name": "key", "type": text, "default": constant("k"), "required": False}
    data["externs"] = {
        "look": {"target": "company.registry:lookup", "params": [{**key, "required": True}], "type": text},
        "best": {"target": "company:best", "params": [results, key], "type": text},
    }
    step(data, "third").update(needs=["a"], node={"kind": "flow", "flow": "inner", "args": {"note": ref("a")}})
    step(data, "y").update(node={"kind": "extern", "extern": "look", "args": {"key": ref("x")}})
    step(data, "v")["node"]["reduce"] = {"rule": "best", "extern": "best", "args": {"key": ref("policy")}}
    step(data["flows"]["inner"], "d").update(node={"kind": "flow", "flow": "deep", "args": {}})
    return data


def step(data: Json, name: str) -> Json:
    todo = list(data["steps"])
    while todo:
        one = todo.pop()
        if one["name"] == name:
            return one
        todo.extend(one["node"].get("body", {}).get("steps", []))
    raise KeyError(name)


def prompt(of: Json, text: str) -> None:
    of["messages"][0]["template"] = text


def ref(name: str) -> Json:
    return {"kind": "ref", "name": name}


def call(function: str, **args: Json) -> Json:
    return {"kind": "call", "function": function, "args": args}


def constant(value: Json) -> Json:
    return {"kind": "literal", "value": value}


def apply(operator: str, *operands: Json) -> Json:
    return {"kind": "apply", "operator": operator, "operands": list(operands)}


def both(*edits: Callable[[Json], object]) -> Callable[[Json], None]:
    def edit(data: Json) -> None:
        for one in edits:
            one(data)

    return edit


Edit = Callable[[Json], object]
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
        "no operator `**` takes 2 operands",
    ),
    "an operator short of an operand": (
        lambda d: step(d, "third")["node"].update(expr=apply("+", constant(9))),
        "no operator `+` takes 1 operands",
    ),
    "an unknown reducer": (
        lambda d: step(d, "v")["node"]["reduce"].update(rule="most"),
        "`v` has no way to combine its results: no reducer is called `most`",
    ),
    "two steps of one name": (lambda d: step(d, "share").update(name="view"), "the name `view` stands for two things"),
    "a step named as a parameter": (lambda d: step(d, "a").update(name="items"), "the name `items` stands for two"),
    "an inner step named as an outer": (lambda d: step(d, "x").update(name="a"), "the name `a` stands for two things"),
    "an element named as a step": (
        lambda d: step(d, "w")["node"].update(element="a"),
        "the element `a` of `w` has the name of something around it",
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
        "`a` mentions `ghost`, and nothing is called that around it",
    ),
    "an element outside of its map": (lambda d: prompt(step(d, "a")["node"], "{{ e }}"), "`a` mentions `e`"),
    "a model that is a step": (
        lambda d: step(d, "left")["node"].update(model=ref("v")),
        "`left` mentions `v` and does not wait for it",
    ),
    "a result of a step that is not there": (lambda d: d.update(result=ref("x")), "the flow returns `x`"),
    "a block whose value is not its own": (
        lambda d: step(d, "right")["node"]["body"].update(result="left"),
        "the value of `right` is that of `left`",
    ),
    "a repeat of none": (
        lambda d: step(d, "v")["node"].update(least=0, most=0),
        "`v` repeats from 0 up to 0 times",
    ),
    "a repeat backwards": (lambda d: step(d, "v")["node"].update(most=-1), "`v` repeats from 3 up to -1 times"),
    "a default that mentions a step": (
        lambda d: d["params"][1].update(default=ref("a")),
        "`limit` mentions `a`, and nothing is called that",
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


def inner(data: Json, name: str) -> Json:
    return step(data["flows"]["inner"], name)


CALLS: dict[str, tuple[Edit, str]] = {
    "a flow that is not there": (lambda d: d["flows"].pop("deep"), "`d` calls the flow `deep`, and this plan has none"),
    "an argument that is missing": (
        lambda d: step(d, "third")["node"]["args"].clear(),
        "the arguments of `third` are not those that the flow `inner` takes",
    ),
    "an argument too many": (
        lambda d: inner(d, "d")["node"]["args"].update(more=constant(1)),
        "the arguments of `d` are not those that the flow `deep` takes",
    ),
    "an argument that is not waited for": (
        lambda d: step(d, "third").update(needs=[]),
        "`third` mentions `a` and does not wait for it",
    ),
    "an argument of a sibling branch": (
        lambda d: step(d, "third").update(
            needs=["a", "left"], node={"kind": "flow", "flow": "inner", "args": {"note": ref("left")}}
        ),
        "the branch `third` of `view` needs the branch `left`",
    ),
    "a flow that calls itself": (
        lambda d: step(d["flows"]["deep"], "z").update(node={"kind": "flow", "flow": "deep", "args": {}}),
        "these flows call each other without end: deep → deep",
    ),
    "flows in a circle": (
        lambda d: step(d["flows"]["deep"], "z").update(
            node={"kind": "flow", "flow": "inner", "args": {"note": constant("n")}}
        ),
        "these flows call each other without end: inner → deep → inner",
    ),
    "a circle through a block": (
        lambda d: inner(d, "two").update(node={"kind": "flow", "flow": "inner", "args": {"note": constant("n")}}),
        "these flows call each other without end: inner → inner",
    ),
    "a sibling branch inside a called flow": (
        both(
            lambda d: prompt(inner(d, "two")["node"], "{{ one }}"),
            lambda d: inner(d, "two")["needs"].append("one"),
        ),
        "the branch `two` of `view` needs the branch `one`: they cannot run side by side",
    ),
    "a step of the caller": (
        lambda d: prompt(inner(d, "p")["node"], "{{ a }}"),
        "`p` mentions `a`, and nothing is called that around it",
    ),
    "a parameter of the caller": (
        lambda d: prompt(inner(d, "p")["node"], "{{ policy }}"),
        "`p` mentions `policy`, and nothing is called that around it",
    ),
    "a need outside of the flow": (lambda d: inner(d, "p")["needs"].append("a"), "`p` needs `a`, and there is no such"),
    "two names in a flow": (lambda d: inner(d, "d").update(name="p"), "the name `p` stands for two things"),
    "a parameter twice": (
        lambda d: d["flows"]["inner"]["params"].append(d["flows"]["inner"]["params"][0]),
        "two parameters of the flow `inner` have one name",
    ),
    "a result that is not there": (
        lambda d: d["flows"]["inner"].update(result=ref("ghost")),
        "the flow `inner` returns `ghost`, and there is no such step",
    ),
    "a default that mentions a step of its own": (
        lambda d: d["flows"]["inner"]["params"][1].update(default=ref("p")),
        "`tone` mentions `p`",
    ),
    "a name of the flow's own that is also a model's, not waited for": (
        both(
            lambda d: inner(d, "p").update(name="fast"),
            lambda d: prompt(inner(d, "one")["node"], "{{ fast }}"),
            lambda d: inner(d, "one").update(needs=[]),
        ),
        "`one` mentions `fast` and does not wait for it",
    ),
    "an extern that is not there": (
        lambda d: d["externs"].pop("look"),
        "`y` calls the extern `look`, and this plan declares none",
    ),
    "an extern without its argument": (
        lambda d: step(d, "y")["node"]["args"].clear(),
        "the arguments of `y` are not those that the extern `look` takes",
    ),
    "an extern that is no function": (
        lambda d: d["externs"]["look"].update(target="os.system"),
        "the extern `look` has no Python function: 'os.system' is not module:name",
    ),
    "a reducing extern that is not there": (
        lambda d: d["externs"].pop("best"),
        "`v` calls the extern `best`, and this plan declares none",
    ),
    "a reducing extern that takes no results": (
        lambda d: d["externs"]["best"]["params"].pop(0),
        "the extern `best` combines for `v`: it gets them as `results` alone",
    ),
    "a reducing extern that is given results": (
        lambda d: step(d, "v")["node"]["reduce"]["args"].update(results=constant([])),
        "the extern `best` combines for `v`: it gets them as `results` alone",
    ),
    "a reducing extern and an ask": (
        lambda d: step(d, "m")["node"]["reduce"].update(extern="best"),
        "`m` has two ways to combine its results",
    ),
    "a tree of another rule": (
        lambda d: step(d, "v")["node"]["reduce"].update(count=constant(2)),
        "`v` combines its results as a tree, and only an ask can do so",
    ),
    "a type for a value": (
        lambda d: step(d, "share").update(node={"kind": "value", "expr": {"kind": "type", "type": d["type"]}}),
        "a type of this plan stands where a value is needed",
    ),
}


@pytest.mark.parametrize(("edit", "message"), CALLS.values(), ids=CALLS)
def test_an_edited_plan_with_calls_is_refused(edit: Edit, message: str) -> None:
    data = with_calls()
    edit(data)
    with pytest.raises(PlanError) as caught:
        verify(plan.from_json(json.dumps(data)))
    assert message in str(caught.value)


def test_an_unedited_plan_with_calls_passes() -> None:
    verify(plan.from_json(json.dumps(with_calls())))


def test_a_flow_of_another_file_may_use_the_name_of_a_model() -> None:
    data = with_calls()
    inner(data, "p").update(name="fast")
    inner(data, "one")["needs"] = ["fast"]
    prompt(inner(data, "one")["node"], "{{ fast }}")
    verify(plan.from_json(json.dumps(data)))


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


def test_a_deep_plan_is_read_back_in_no_time() -> None:
    step = 'ask "{{ x }}" -> [[{ a: [int?] }]]'
    for _ in range(45):
        step = f"chain {{ {step} }}"
    made = make_plan(check_flow(Source(f"flow f(x: text) {{ a = {step} return a }}"), catalog()))
    text = plan.to_json(made)
    began = time.process_time()
    assert plan.from_json(text) == made
    assert time.process_time() - began < 2
    for hostile in ("[" * 100_000, '{"version": 1}', "null", '{"flow": NaN}'):
        with pytest.raises(ValueError, match=r"."):
            plan.from_json(hostile)
