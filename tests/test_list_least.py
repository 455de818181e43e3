"""A list whose type has a least number of elements: the least of a map over it, and the budget that is below it."""

from __future__ import annotations

import pytest

from flowrun.dsl import FlowError, Source, bounds_of, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.documents.lengths import misses


def checked(source: str) -> tuple[float, float | None]:
    plan = make_plan(check_flow(Source(source, "f.flow"), catalog()))
    calls = bounds_of(plan, {}).calls
    return calls.least, calls.most


@pytest.mark.parametrize(
    ("type_", "map_", "calls"),
    [
        ("[text](3..7)", "map x in q", (3, 21)),
        ("[text](3..)", "map x in q at most 9", (3, 27)),
        ("[text](3..7)", 'map x in q where x != ""', (0, 21)),
        ("[text](3..7)", "map x in q at most 2", (2, 6)),
    ],
)
def test_a_map_takes_at_least_the_elements_of_its_list(type_: str, map_: str, calls: tuple[float, float]) -> None:
    body = 'ask "Good? {{ x }}" -> yes | no'
    assert checked(f"flow f(q: {type_}) {{ v = {map_} {{ {body} }} reduce collect return v }}") == calls


def test_a_list_that_may_be_missing_has_no_least() -> None:
    body = 'map x in l ?? [] { ask "{{ x }}" -> yes | no } reduce collect'
    source = f'flow f() {{ l = ask "?" -> [text](4..5)? v = {body} return v }}'
    assert checked(source) == (1, 3 + 15)


def test_answers_have_their_least_too() -> None:
    source = (
        'flow f() { l = ask "?" -> [text](4..5) v = map x in l { ask "{{ x }}" -> yes | no } reduce collect return v }'
    )
    assert checked(source) == (1 + 4, 3 + 15)


def test_a_budget_below_the_least_of_a_list_is_refused() -> None:
    source = 'flow f(q: [text](3..7)) budget 2 calls { v = map x in q { ask "{{ x }}" } reduce collect return v }'
    with pytest.raises(FlowError) as caught:
        checked(source)
    assert [one.code for one in caught.value.diagnostics] == ["F0365"]


def test_one_element_is_told_in_the_singular() -> None:
    from flowrun.dsl import types

    assert misses(types.ListOf(types.TEXT, least=3), ["a"]) == "expected [text](3..), found 1 element"
    assert misses(types.SizedText(3, None), "a") == "expected text(min: 3), found 1 character"
