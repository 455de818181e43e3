"""Everything in a plan that the runner will touch is of the kind and the type that its place has, or it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan, plan
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.vocabulary.errors import PlanError
from support.edited_plans import step

Json = Any
Edit = Callable[[Json], object]
FLOW = """
model fast = "openai:m" else "openai:spare" with temperature: 0.5
flow f(items: [text], doc: document, limit: int = 3) {
  a = ask fast system "short" user "a {{ limit }}" -> { mood: good | bad, score: 0..10, tags: [text] }
  b = ask "b" -> [text] with timeout: 30s, retries: 2, hedge: p95 when limit > 2 else []
  pause = 5s
  c = ask "c" with timeout: pause
  pieces = split(doc, by: chars(800), overlap: 10)
  m = map e in items where e != "" at most 9 { x = ask "x {{ e }}" } reduce by 2 ask "t {{ results }}"
    with concurrency: 2, errors: skip(5%)
  v = repeat 3..5 { w = ask "v" -> aye | nay } reduce majority(ties: first, at_least: 2) with timeout: 1m
  k = repeat 3 { s = ask "s" -> { answer: A | B, sure: 0..5 } } reduce weighted(by: sure, of: answer)
  r = repeat 3 { ask "r" } reduce best(judge: ask fast "Which? {{ results }}")
  l = fanout { left = ask "left" -> int right = ask "right" -> number } reduce mean
  o = map e in items { ask "o {{ e }}" } reduce fold(from: "none yet") ask "{{ so_far }} {{ next }}"
  u = map q in items { u1 = ask "u" } reduce collect
  t = repeat 2 { ask "d" } reduce by tokens(500) ask "t {{ results }}"
  z = { mood: a.mood, share: agreement(v), n: length(items) + limit, k, l }
  return { z, text: text "{{ r }} {{ o }} {{ t }} {{ m }}", all: pieces + b, c }
}
"""
DATA = plan.to_json(make_plan(check_flow(Source(FLOW), catalog())))


def reduce(data: Json, name: str) -> Json:
    return step(data, name)["node"]["reduce"]


def constant(value: Json) -> Json:
    return {"kind": "literal", "value": value}


def ref(name: str) -> Json:
    return {"kind": "ref", "name": name}


def call(function: str, **args: Json) -> Json:
    return {"kind": "call", "function": function, "args": args}


def value(data: Json, name: str, expr: Json, *needs: str) -> None:
    step(data, name).update(node={"kind": "value", "expr": expr}, needs=list(needs))


def option(name: str, key: str, expr: Json) -> Edit:
    return lambda data: step(data, name)["options"].update({key: expr})


def argument(name: str, key: str, expr: Json) -> Edit:
    return lambda data: reduce(data, name)["args"].update({key: expr})


def answer(name: str, type_: Json) -> Edit:
    return lambda data: step(data, name)["node"].update(answer=type_)


TEXT = {"kind": "text"}
REFUSED: dict[str, tuple[Edit, str]] = {
    # The tally of a vote is read by the name of a vote that is needed, and by nothing else.
    "a tally by a name that is worked out": (
        lambda d: value(d, "z", call("agreement", of=ref("v")), "v"),
        "`agreement` takes the name of a vote, and not a calculated value",
    ),
    "a tally by a text that is put together": (
        lambda d: value(d, "z", call("votes", of={"kind": "text", "template": "{{ c }}"}), "v", "c"),
        "`votes` takes the name of a vote",
    ),
    "a tally by a sum": (
        lambda d: value(
            d, "z", call("votes", of={"kind": "apply", "operator": "+", "operands": [constant("v"), constant("")]}), "v"
        ),
        "`votes` takes the name of a vote",
    ),
    "a tally by a number": (lambda d: value(d, "z", call("votes", of=constant(3)), "v"), "takes the name of a vote"),
    "a tally by a list": (lambda d: value(d, "z", call("votes", of=constant(["v"])), "v"), "takes the name of a vote"),
    "a tally that is not waited for": (
        lambda d: value(d, "c", call("agreement", of=constant("v"))),
        "`c` mentions `v` and does not wait for it",
    ),
    "the tally of an ask": (lambda d: value(d, "z", call("votes", of=constant("a")), "a"), "takes the name of a vote"),
    "the tally of a parameter": (lambda d: value(d, "z", call("votes", of=constant("items"))), "the name of a vote"),
    "the tally of what is no vote": (
        lambda d: value(d, "z", call("agreement", of=constant("m")), "m"),
        "`z` breaks a rule of the language: `agreement` takes the name of a vote",
    ),
    "the tally of a step inside a block": (
        lambda d: value(d, "z", call("agreement", of=constant("w"))),
        "`z` mentions `w`, and that name is unknown there",
    ),
    "a vote whose tally nobody was to see": (
        lambda d: reduce(d, "v").update(tallied=False),
        "the flow reads the outcome of this vote,",
    ),
    # Options
    "a window that is a text": (option("m", "concurrency", constant("many")), "`concurrency`: expected int"),
    "a window of none": (option("m", "concurrency", constant(0)), "`concurrency` takes a value of 1 or more"),
    "a window of half": (option("m", "concurrency", constant(0.5)), "`concurrency`: expected int"),
    "a word that is no way to fail": (option("m", "errors", constant("ignore")), '"ignore" is not one of fail | skip'),
    "a rule that is no way to fail": (
        option("m", "errors", {"kind": "rule", "rule": "lose", "args": {}}),
        "`errors` has no rule `lose`",
    ),
    "a share without a share": (
        option("m", "errors", {"kind": "rule", "rule": "skip", "args": {}}),
        "`errors` has no rule `skip` with these arguments",
    ),
    "a word that is no launch": (option("v", "launch", constant("soon")), '"soon" is not one of cost'),
    "a time-out that is a text": (option("b", "timeout", constant("soon")), "`timeout`: expected a duration"),
    "a time-out that is a step of another type": (option("c", "timeout", ref("limit")), "`timeout`: expected a"),
    "retries by the hundred": (option("b", "retries", constant(100)), "`retries` takes a value from 0 to 20"),
    "a hedge that is none": (option("b", "hedge", constant("p50")), '"p50" is not one of p75'),
    "a rule as an option": (
        option("b", "retries", {"kind": "rule", "rule": "skip", "args": {}}),
        "`retries` has no rule `skip`",
    ),
    "an option that there is not": (option("b", "speed", constant(1)), "an ask has no option `speed`"),
    "an option of something else": (option("b", "concurrency", constant(1)), "an ask has no option `concurrency`"),
    "a model's temperature": (
        lambda d: d["models"][0]["options"].update(temperature=constant(9)),
        "`fast` breaks a rule of the language: `temperature` takes a value from 0 to 2",
    ),
    "a model's seed": (lambda d: d["models"][0]["options"].update(seed=constant("x")), "`seed`: expected int"),
    # Reducers
    "an argument that a rule does not take": (argument("v", "width", constant(2)), "has no parameter `width`"),
    "an argument of another type": (argument("v", "at_least", constant("two")), "`at_least`: expected int"),
    "an argument out of range": (argument("v", "at_least", constant(0)), "`at_least` takes a value of 1 or more"),
    "a field that is not there": (argument("k", "by", constant("ghost")), "no field `ghost`"),
    "a field that is worked out": (argument("k", "by", ref("limit")), "`by` takes the name of a field"),
    "a weight that is a word": (argument("k", "by", constant("answer")), "a weight must be a number with a range,"),
    "a rule without what it needs": (lambda d: reduce(d, "k")["args"].clear(), "`weighted` needs `by`"),
    "a judge that is taken away": (lambda d: reduce(d, "r").update(deciding=None), "`best` needs"),
    "an ask beside a rule that asks nothing": (
        lambda d: reduce(d, "l").update(deciding=reduce(d, "r")["deciding"]),
        "`mean` makes no call",
    ),
    "numbers of texts": (lambda d: reduce(d, "r").update(rule="sum", deciding=None), "`sum` takes numbers"),
    "a vote over lists": (answer("w", {"kind": "list", "item": TEXT}), "a vote counts equal answers"),
    "a rule that chooses a number, with one number": (
        lambda d: reduce(d, "k").update(rule="window", args={"width": constant(2), "by": constant("answer")}),
        "`window` chooses the number of samples,",
    ),
    "a number that nobody chooses": (
        lambda d: step(d, "r")["node"].update(most=9),
        "cannot decide after how many samples to stop",
    ),
    "a type that a vote is told wrong": (
        lambda d: step(d, "w").update(type=TEXT),
        "its value is aye | nay, and",
    ),
    "a tree of ones": (
        lambda d: reduce(d, "m").update(count=constant(1)),
        "a tree merges two or more results at a time",
    ),
    "a tree of texts": (lambda d: reduce(d, "m").update(count=constant("two")), "`by`: expected int"),
    "a tree by a rule that is none": (
        lambda d: reduce(d, "t").update(count={"kind": "rule", "rule": "chars", "args": {"size": constant(5)}}),
        "the rule `chars` where",
    ),
    "tokens without a number": (lambda d: reduce(d, "t")["count"]["args"].clear(), "`tokens` needs `size`"),
    "a merge of another type": (
        lambda d: reduce(d, "m")["ask"].update(answer={"kind": "bool"}),
        "later merges take the result of a merge,",
    ),
    "a fold that begins with a number": (argument("o", "from", constant(3)), "`from`: expected text"),
    "a fold with a tree": (lambda d: reduce(d, "o").update(count=constant(2)), "a fold takes its results one by one,"),
    "an ask under the name of a rule": (
        lambda d: reduce(d, "m").update(rule="majority"),
        "it combines its results by an ask,",
    ),
    # Numbers, types, texts
    "a map of at most none": (
        lambda d: step(d, "m")["node"].update(at_most=0),
        "`at most` takes a whole number from 1",
    ),
    "a map of less than none": (lambda d: step(d, "m")["node"].update(at_most=-4), "`at most` takes a whole number"),
    "a map through a number": (lambda d: step(d, "m")["node"].update(source=ref("limit")), "a map needs a list,"),
    "a test that is a text": (lambda d: step(d, "m")["node"].update(where=ref("e")), "`where`: expected bool"),
    "a condition that is a number": (lambda d: step(d, "b").update(when=ref("limit")), "`when`: expected bool"),
    "an else without a when": (lambda d: step(d, "b").update(when=None), "no condition to skip it"),
    "a word twice": (answer("w", {"kind": "choice", "options": ["aye", "aye"]}), "the choice `aye` appears twice"),
    "words that differ in case": (answer("w", {"kind": "choice", "options": ["aye", "AYE"]}), "appears twice"),
    "a choice of nothing": (answer("w", {"kind": "choice", "options": []}), "cannot be the type of"),
    "a range backwards": (
        answer("w", {"kind": "range", "low": 5, "high": 1}),
        "the range is empty: 5 is greater than 1",
    ),
    "an answer that is a model": (answer("w", {"kind": "model"}), "answer cannot have the type model"),
    "an answer that is nothing": (answer("w", {"kind": "none"}), "none cannot be the type of"),
    "a record with a field twice": (
        answer("w", {"kind": "record", "fields": [{"name": "a", "type": TEXT}, {"name": "a", "type": TEXT}]}),
        "the field `a` appears twice",
    ),
    "a prompt of no messages": (lambda d: step(d, "c")["node"]["messages"].clear(), "a prompt needs one or more"),
    "a prompt that ends with the system": (
        lambda d: step(d, "a")["node"]["messages"].pop(),
        "the last message of a prompt",
    ),
    "a field of a list in a template": (
        lambda d: d.update(result={"kind": "text", "template": "{{ items.ghost }}"}),
        "`f` breaks a rule of the language",
    ),
    "a model that is a text": (lambda d: step(d, "a")["node"].update(model=ref("limit")), "is not a model:"),
    "a sum of a list and a number": (
        lambda d: value(d, "z", {"kind": "apply", "operator": "-", "operands": [ref("items"), constant(1)]}),
        "`-` does not take [text] and int",
    ),
    "a spread of a text": (
        lambda d: value(d, "z", {"kind": "record", "entries": [{"name": None, "value": ref("limit")}]}),
        "only a record can be spread, not int",
    ),
    "a length of a number": (lambda d: value(d, "z", call("length", of=ref("limit"))), "`length` takes a text"),
    "a rule where a value is": (
        lambda d: value(d, "z", {"kind": "rule", "rule": "length", "args": {"of": ref("items")}}),
        "the plan has the rule `length` where it needs a value",
    ),
    "a cut that is a text": (lambda d: step(d, "pieces")["node"]["expr"]["args"].update(by=constant("x")), "a rule:"),
    "a cut by a rule that is none": (
        lambda d: step(d, "pieces")["node"]["expr"]["args"]["by"].update(rule="word"),
        "`by` has no rule `word`",
    ),
    "a cut into nothing": (
        lambda d: step(d, "pieces")["node"]["expr"]["args"]["by"].update(args={"n": constant(0)}),
        "takes a value of 1 or more",
    ),
    "rows of a value": (
        lambda d: value(d, "z", call("csv", path=constant("a.csv"), of=constant("x"))),
        "`of` takes the name of a type",
    ),
    "rows of a text": (
        lambda d: value(d, "z", call("csv", path=constant("a.csv"), of={"kind": "type", "type": TEXT})),
        "`csv` takes a record of data, not text",
    ),
    "a default of another type": (lambda d: d["params"][2].update(default=constant("three")), "`limit`: expected int"),
    "a parameter that is nothing": (
        lambda d: d["params"][2].update(default=None, required=False),
        "a call may omit it, and a missing value is not int",
    ),
    "a parameter of no type": (lambda d: d["params"][0].update(type={"kind": "none"}), "none cannot be the type of"),
    # Names, places, budgets
    "a step whose name is no name": (lambda d: step(d, "u").update(name="u-u"), "a step has the name 'u-u'"),
    "a flow whose name is no name": (lambda d: d.update(flow="f f"), "this flow has the name 'f"),
    "an element whose name is no name": (lambda d: step(d, "u")["node"].update(element=""), "an element"),
    "a line before the first": (lambda d: step(d, "a").update(line=-1), "`a` on line"),
    "a budget of no calls": (lambda d: d.update(calls_limit=0), "a budget of 0 calls"),
    "a budget of debts": (lambda d: d.update(money_limit=-1.5), "a budget of $-1.5"),
    "a file whose name has an end in it": (lambda d: d.update(source="a\0b"), "the file name in this plan"),
}


@pytest.mark.parametrize(("edit", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_of_another_kind_is_refused(edit: Edit, message: str) -> None:
    data = json.loads(DATA)
    edit(data)
    with pytest.raises(PlanError) as caught:
        verify(plan.from_json(json.dumps(data)))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        FLOW,
        'flow f() { v = map x in [1, 2] { ask "{{ x }}" -> a | b } reduce majority return votes(v) }',
        'flow f() { v = fanout { l = ask "l" -> a | b r = ask "r" -> a | b } reduce majority return agreement(v) }',
        'flow f() { v = repeat 3..9 { ask "l" -> a | b } reduce majority return agreement(v) }',
        'flow f() { v = repeat 3 { ask "l" -> a | b with hedge: p95 } reduce majority(ties: ask "?") return v }',
        'flow f() { v = repeat 3 { ask "l" } reduce best(judge: ask "{{ results }}") with retries: 4 return v }',
        'flow f() { v = repeat 3 { ask "l" } reduce ask "{{ results }}" with retries: 4, timeout: 90ms return v }',
        'flow f(x: text?) { a = 30s b = ask "l" when a == 30s c = b ?? x ?? "no" d = [5%, 1%] return { c, d } }',
        'flow f(x: { a: text? } = { a: none }) { b = ask "{{ x.a }}" when x.a != none return b }',
        'flow f(ks: [a | b]) { v = map k in ks { x = ask "x" -> { n: int } when k == a else "no" { x, k } } '
        "reduce majority(by: k) return v }",
        'flow f(ks: [a | b]) { v = map k in ks { match k { a = ask "x" -> { n: int } b = "no" } } reduce first '
        "return v }",
        "flow f(n: int = -3, r: 0.5..1.5 = 1.0) { b = -n * 2 + 1000.5 return { b, c: r / 2, d: [] } }",
    ],
)
def test_what_nobody_edited_passes(text: str) -> None:
    verify(plan.from_json(plan.to_json(make_plan(check_flow(Source(text), catalog())))))


UNREAD: dict[str, Edit] = {
    "a number that is true": lambda d: step(d, "v")["node"].update(least=True),
    "a whole number with a point": lambda d: step(d, "v")["node"].update(most=5.0),
    "a number in quotes": lambda d: step(d, "m")["node"].update(at_most="9"),
    "yes for true": lambda d: d["params"][0].update(required="yes"),
    "1 for true": lambda d: reduce(d, "v").update(tallied=1),
    "true for a bound": answer("w", {"kind": "range", "low": True, "high": 5}),
    "no number": lambda d: d.update(money_limit=float("nan")),
    "a number without an end": option("b", "timeout", constant(float("inf"))),
    "a role that there is not": lambda d: step(d, "a")["node"]["messages"][0].update(role="tool"),
    "a kind that there is not": lambda d: step(d, "a")["node"].update(kind="shell"),
}


@pytest.mark.parametrize("edit", UNREAD.values(), ids=UNREAD)
def test_nothing_is_taken_for_what_it_is_not(edit: Edit) -> None:
    data = json.loads(DATA)
    edit(data)
    with pytest.raises(ValueError, match=r"."):
        plan.from_json(json.dumps(data))


def nested(levels: int) -> Json:
    type_: Json = TEXT
    for _ in range(levels):
        type_ = {"kind": "list", "item": type_}
    return type_


def test_types_and_values_that_are_nested_too_deep_are_refused() -> None:
    data = json.loads(DATA)
    answer("u1", nested(150))(data)
    with pytest.raises(PlanError, match="a type in the plan is nested deeper than 120 levels"):
        verify(plan.from_json(json.dumps(data)))
    data = json.loads(DATA)
    deep: Json = 1
    for _ in range(800):
        deep = [deep]
    value(data, "u", constant(deep))
    with pytest.raises(PlanError, match="nested too deep"):
        verify(plan.from_json(json.dumps(data)))


async def test_what_no_answer_can_be_read_into_is_not_asked() -> None:
    data = json.loads(DATA)
    answer("u1", nested(100))(data)
    provider = ScriptedProvider(lambda request, number: "x")
    inputs = {"items": ["x"], "doc": "text"}
    result = await run_async(
        plan.from_json(json.dumps(data)), inputs, options=RunOptions(opener=lambda address, around: provider)
    )
    assert "answer can have at most 40 levels, and this type has" in str(result.failures)
    assert not provider.calls


def test_a_whole_number_is_an_amount_of_money() -> None:
    data = json.loads(DATA)
    data["money_limit"] = 3
    assert plan.from_json(json.dumps(data)).money_limit == 3


@pytest.mark.parametrize("odd", [object(), {1, 2}, float("nan"), b"x"])
def test_a_value_that_is_no_data_is_refused(odd: object) -> None:
    made = plan.Plan("f", "", (), (), (), plan.Constant(odd), plan.from_json(DATA).type)
    with pytest.raises(PlanError, match="`f` breaks a rule of the language"):
        verify(made)


ODD: dict[str, tuple[dict[str, Any], str]] = {
    "steps in a list": ({"steps": []}, "plan.steps"),
    "true for a number": ({"calls_limit": True}, "plan.calls_limit"),
    "a text for a number": ({"money_limit": "2.50"}, "plan.money_limit"),
    "a step for an expression": ({"result": plan.from_json(DATA).steps[0]}, "plan.result"),
    "a flow under a number": ({"flows": {1: None}}, "plan.flows"),
    "a type for a parameter": ({"params": (plan.from_json(DATA).type,)}, "plan.params[0]"),
}


@pytest.mark.parametrize(("fields", "place"), ODD.values(), ids=ODD)
def test_what_python_put_in_the_wrong_place_is_refused(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(PlanError) as caught:
        verify(replace(plan.from_json(DATA), **fields))
    assert f"the plan has a value of the wrong kind at `{place}" in str(caught.value)
