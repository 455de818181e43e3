"""Plans as data, to be edited by hand: one of every kind of step, one with calls, and the small edits made to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flowrun.dsl import Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog

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
  pick = ask "pick {{ a }}" -> aye | nay
  way = match pick { aye = ask "aye {{ a }}" nay = chain { n = ask "nay {{ b }}" text "{{ n }} {{ a }}" } }
  share = agreement(v)
  return { view, way, share, votes: votes(v) }
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


def inner(data: Json, name: str) -> Json:
    return step(data["flows"]["inner"], name)
