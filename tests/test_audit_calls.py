"""The calls of an audit against the bounds of the plan, and against the requests of one element counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import Checked, FlowError, Source, bounds_of, labels_of, make_plan, reach_of
from flowrun.dsl import plan as p
from flowrun.dsl.labels.places import Place
from flowrun.dsl.reach.caused import Caused
from flowrun.dsl.reach.sites import Sites
from flowrun.runtime.catalog import catalog
from flowrun.runtime.session.loading import load
from support.audit_cases import cases

CORPUS = sorted((Path(__file__).parent / "corpus" / "ok").rglob("*.flow"))


def whole(plan: p.Plan) -> float | None:
    """The calls of all asks of a plan, as an audit counts them."""
    sites = Sites(plan, catalog().reducers)
    caused = Caused(sites)
    most = 0.0
    for flow, step in {(site.flow, site.step.name) for site in sites.all()}:
        for kind in ("ask", "reducer", "judge"):
            found = caused.calls(Place(flow, step, kind, 0), None)
            if found.most is None:
                return None
            most += found.most
    return most


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: str(path.stem))
def test_no_flow_makes_more_calls_than_the_audit_counts(path: Path) -> None:
    try:
        checked: Checked = load(path)
    except FlowError:
        pytest.skip("not a whole flow")
    for flow in checked.file.flows:
        plan = make_plan(checked, flow.name.text)
        found, bound = whole(plan), bounds_of(plan, catalog().reducers).calls.most
        assert found is None or (bound is not None and found >= bound)


@pytest.mark.parametrize("name", cases())
def test_an_audit_counts_the_calls_of_the_plan(name: str) -> None:
    checked = load(Source(cases()[name][0], "a.flow"))
    plan = make_plan(checked)
    found, bound = whole(plan), bounds_of(plan, catalog().reducers).calls.most
    assert (found if plan.calls_limit is None or found is None else min(found, plan.calls_limit)) == bound


def calls(text: str) -> list[float | None]:
    checked = load(Source(text, "a.flow"))
    plan = make_plan(checked)
    return [one.calls.most for one in reach_of(checked, plan, labels_of(plan, catalog())).sources]


ASK = 'ask "{{ %s }}" -> a | b with retries: 0'


@pytest.mark.parametrize(
    ("body", "most"),
    [
        (f"x = {ASK % 'mail'}", [1, 0]),
        (f"x = map q in pages at most 9 {{ {ASK % 'q'} }} reduce collect", [0, 1]),
        (f"x = map q in pages at most 9 {{ {ASK % 'mail'} }} reduce collect", [9, 0]),
        # Each element of the outer map is the left one of five pairs, and the right one of four.
        (
            "x = map q in pages at most 4 { map r in pages at most 5 { ask "
            '"{{ q }} {{ r }}" -> a | b with retries: 0 } reduce collect } reduce collect',
            [0, 9],
        ),
        (f"x = map q in pages at most 4 {{ repeat 3 {{ {ASK % 'q'} }} reduce collect }} reduce collect", [0, 3]),
        (f"x = map q in [1, 2, 3] at most 7 {{ {ASK % 'mail'} }} reduce collect", [3, 0]),
        ("x = map q in pages at most 9 { one(q) } reduce collect", [0, 2]),
        ("x = map q in pages at most 9 { one(mail) } reduce collect", [18, 0]),
        ("x = map q in pages at most 9 { y = one(q) one(y) } reduce collect", [0, 4]),
        (
            'x = map q in pages at most 8 { ask "{{ q }}" with retries: 0 } '
            'reduce by 2 ask "{{ results }}" with retries: 0',
            [0, 8],
        ),
        (
            'x = map q in pages at most 8 { ask "{{ q }}" with retries: 0 } '
            'reduce fold ask "{{ so_far }} {{ next }}" with retries: 0',
            [0, 8],
        ),
    ],
)
def test_one_element_causes_the_calls_of_its_own_requests(body: str, most: list[float]) -> None:
    asks = 'a = ask "{{ of }}" with retries: 0\n  b = ask "{{ a }}" with retries: 0'
    called = f"flow one(of: text) {{\n  {asks}\n  return b\n}}\n"
    text = f"{called}flow f(mail: untrusted text, pages: untrusted [text]) {{\n  {body}\n  return x\n}}\n"
    assert calls(text) == most
