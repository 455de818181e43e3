"""A second opinion on the order of a plan, by its JSON alone: does a step read only steps that it waits for?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import Environment, meta

from flowrun.dsl import VALUE_FUNCTIONS

Json = Any
_JINJA = Environment(autoescape=False)  # Nothing is rendered: it finds the names in a template.
_JINJA.filters.update(dict.fromkeys(VALUE_FUNCTIONS, str))


def unfinished_reads(data: Json) -> list[str]:
    """Return the reads of a plan's steps that need not be there in time, and are not known from the start."""
    found: list[str] = []
    models = {model["name"] for model in data["models"]}
    for flow in (data, *data.get("flows", {}).values()):
        known = models | {param["name"] for param in flow["params"]}
        found += _body(flow["steps"], known, {}, fanout=False)
    return found


def _body(steps: list[Json], known: set[str], around: Mapping[str, Json], *, fanout: bool) -> list[str]:
    found = []
    own = {step["name"]: step for step in steps}
    for step in steps:
        seen = around if fanout else {**around, **own}
        node = step["node"]
        reduce = node.get("reduce")
        beside = [node[key] for key in ("body", "reduce", "where", "until", "by") if key in node]
        head = {**step, "node": {key: value for key, value in node.items() if value not in beside}}
        found += _unfinished(step["name"], reads(head), known, set(step["needs"]), seen)
        inner = known | {
            node[key] for key in ("element", "index") if node["kind"] in ("map", "repeat") and node.get(key)
        }
        if node["kind"] in ("rounds", "cascade"):
            inner |= {"last"}
        if node["kind"] == "rounds":
            ended = (known - {"last"}) | {one["name"] for one in node["body"]["steps"]}
            found += _unfinished(step["name"], reads([node["until"], node["by"]]), ended, set(step["needs"]), seen)
        if node.get("where") is not None:
            found += _unfinished(step["name"], reads(node["where"]), inner, set(step["needs"]), seen)
        if reduce is not None:
            sees = known | {"results", "result", "so_far", "next"} | ({"a", "b"} if reduce.get("same") else set())
            if node["kind"] == "fanout":
                sees |= {branch["name"] for branch in node["body"]["steps"]}
            needs = {*step["needs"], *reduce.get("needs", ())}
            found += _unfinished(step["name"], reads(reduce), sees, needs, seen)
        if "body" in node:
            found += _body(node["body"]["steps"], inner, seen, fanout=node["kind"] == "fanout")
    return found


def _unfinished(
    step: str, mentioned: Iterator[str], known: set[str], needs: set[str], seen: Mapping[str, Json]
) -> list[str]:
    return [f"{step} reads {name}" for name in mentioned if name not in known and not (name in needs and name in seen)]


def reads(part: Json) -> Iterator[str]:
    """Yield the names whose values or tallies a part of a plan reads."""
    todo = [part]
    while todo:
        one = todo.pop()
        if isinstance(one, list):
            todo.extend(one)
        if not isinstance(one, dict):
            continue
        kind = one.get("kind")
        if kind == "literal":
            continue
        if kind == "ask" and one.get("check"):
            # The answer of the ask is there when its check is worked out.
            yield from (name for name in reads(one["check"]) if name not in one["check"]["names"])
            one = {key: value for key, value in one.items() if key != "check"}
        if kind == "ask" and one.get("given"):
            # The messages of a prompt see the given values by their own names.
            yield from (name for name in reads(one["messages"]) if name not in one["given"])
            one = {**one, "messages": []}
        if kind == "ref":
            yield one["name"]
        elif kind == "call" and one["function"] in ("votes", "agreement"):
            of = one["args"]["of"]
            yield of["value"] if of["kind"] == "literal" else "a step that is worked out"
        elif isinstance(one.get("template"), str):
            yield from sorted(meta.find_undeclared_variables(_JINJA.parse(one["template"])))
        todo.extend(one.values())
