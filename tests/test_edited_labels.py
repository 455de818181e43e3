"""A plan keeps its labels: an edited plan that has lost one, or that carries text into a trusted place, is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, plan
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.session.loading import check_source, plan_of
from flowrun.runtime.vocabulary.errors import PlanError

HERE = Path(__file__).parent
Json = Any
TEXT = """
extern refund(order: trusted text, ok: yes | no) -> json from "shop.api:refund"
extern lookup(name: text) -> untrusted text from "shop.api:lookup"

flow pay(order: trusted text) {
  done = refund(order: order, ok: yes)
  return done
}

flow f(mail: untrusted text, order: text) {
  why = ask "Why? {{ mail }}"
  kind = ask "Kind? {{ mail }}" -> a | b
  page = untrusted file("foreign.md")
  more = lookup(name: order)
  paid = refund(order: order, ok: yes)
  twice = pay(order: kind)
  told = ask system "Be kind." user "{{ why }} {{ page }} {{ more }}"
  return { paid, twice, told }
}
"""


def made() -> Json:
    return json.loads(plan.to_json(plan_of(check_source(Source(TEXT, str(HERE / "x.flow"))))))


def step(data: Json, name: str) -> Json:
    return next(one for one in data["steps"] if one["name"] == name)


def test_a_plan_with_labels_runs_as_it_is() -> None:
    data = made()
    assert data["labels"] == {
        "extern lookup": "untrusted",
        "extern refund.order": "trusted",
        "mail": "untrusted",
        "page: file": "untrusted",
        "pay.order": "trusted",
    }
    verify(plan.from_json(json.dumps(data)))


LOST: dict[str, tuple[Callable[[Json], object], str]] = {
    "a parameter": (lambda data: data["params"][0].pop("label"), "`mail` has lost its label `untrusted`"),
    "an extern's parameter": (
        lambda data: data["externs"]["refund"]["params"][0].pop("label"),
        "`extern refund.order` has lost its label `trusted`",
    ),
    "a result": (lambda data: data["externs"]["lookup"].pop("label"), "`extern lookup` has lost its label"),
    "a file": (lambda data: step(data, "page")["node"]["expr"].pop("label"), "`page: file` has lost its label"),
    "a called flow": (lambda data: data["flows"]["pay"]["params"][0].pop("label"), "`pay.order` has lost its label"),
    "another label": (
        lambda data: data["params"][0].update(label="trusted"),
        "`mail` has a label that the plan does not list",
    ),
    "an entry": (lambda data: data["labels"].pop("mail"), "`mail` has a label that the plan does not list"),
    "the table": (lambda data: data.pop("labels"), "has a label that the plan does not list"),
}


@pytest.mark.parametrize("name", LOST)
def test_a_lost_label_is_refused(name: str) -> None:
    edit, said = LOST[name]
    data = made()
    edit(data)
    with pytest.raises(PlanError, match=re.escape(said)):
        verify(plan.from_json(json.dumps(data)))


def _ref(data: Json, name: str, arg: str, value: str) -> None:
    one = step(data, name)
    one["node"]["args"][arg] = {"kind": "ref", "name": value}
    one["needs"] = [*one["needs"], *([value] if value != "mail" else [])]


def _system(data: Json) -> None:
    one = step(data, "told")
    one["node"]["messages"][0]["template"] = "Be {{ why }}."


def _path(data: Json) -> None:
    one = step(data, "page")
    one["node"]["expr"]["args"]["path"] = {"kind": "ref", "name": "why"}
    one["needs"] = ["why"]


def _type(data: Json) -> None:
    one = step(data, "kind")
    one["type"] = one["node"]["answer"] = {"kind": "text"}


CARRIED: dict[str, tuple[Callable[[Json], object], str]] = {
    "the source": (lambda data: _ref(data, "paid", "order", "mail"), "mail → refund.order"),
    "an answer": (lambda data: _ref(data, "paid", "order", "why"), "mail → why → refund.order"),
    "a file": (lambda data: _ref(data, "paid", "order", "page"), 'file("foreign.md") → page → refund.order'),
    "a result": (lambda data: _ref(data, "paid", "order", "more"), "lookup → more → refund.order"),
    "a flow": (lambda data: _ref(data, "twice", "order", "why"), "mail → why → pay.order"),
    "a system part": (_system, "mail → why → system"),
    "a path": (_path, "mail → why → file(…)"),
    "a wider type": (_type, "mail → kind → pay.order"),
}


@pytest.mark.parametrize("name", CARRIED)
def test_an_edge_into_a_trusted_place_is_refused(name: str) -> None:
    edit, said = CARRIED[name]
    data = made()
    edit(data)
    with pytest.raises(PlanError, match=re.escape(f"untrusted text reaches a trusted place: {said}")):
        verify(plan.from_json(json.dumps(data)))


def test_an_edge_of_a_bounded_answer_is_not_refused() -> None:
    data = made()
    _ref(data, "paid", "order", "kind")
    verify(plan.from_json(json.dumps(data)))


def test_a_plan_whose_prompts_lost_their_marks_is_refused() -> None:
    text = json.dumps(made())
    marked = re.search(r'"fenced": \[\d+(, \d+)*\]', text)
    assert marked is not None
    verify(plan.from_json(text))
    for edited in ('"fenced": []', '"fenced": [0]'):
        with pytest.raises(PlanError, match="the marks around foreign text in its prompts were edited"):
            verify(plan.from_json(text.replace(marked[0], edited, 1)))
