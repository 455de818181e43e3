"""Votes that no ballot could settle as stages of a cascade: what went wrong in the samples says whether it goes on."""

from __future__ import annotations

from typing import Any

import pytest

from flowrun import RunOptions, Source, UsageError, run
from flowrun.dsl import check_flow
from flowrun.runtime.catalog import catalog
from flowrun.testing import Scripted, ScriptedProvider, ScriptedResult, error, malformed, run_scripted

HEAD = """extern fits(text: text) -> bool from "checks:fits"
extern alike(one: text, other: text) -> bool from "checks:alike"

flow f(q: text) {
  x = cascade {
    """
NESTED = "repeat 2 { repeat 2 { a = ask q  fits(a) } reduce majority(ties: first) } reduce majority(ties: first)"
FITS = {"fits": error("no such text")}
ALIKE = {"alike": error("no such text")}
BAD = malformed("what?")


def ran(stage: str, replies: dict[str, Any] | None = None, externs: dict[str, Any] | None = None) -> ScriptedResult:
    stage = stage.replace("ask q", 'ask "{{ q }}"')
    flow = f"{HEAD}vote = {stage}\n    else up = not true\n  }}\n  return x\n}}\n"
    return run_scripted(Source(flow), {"q": "a"}, replies=replies or {}, externs=externs or {})


@pytest.mark.parametrize(
    ("stage", "replies", "externs"),
    [
        ("repeat 3 { a = ask q  fits(a) } reduce majority", {"x.vote": "t"}, FITS),
        (NESTED, {"x.vote": "t"}, FITS),
        ("repeat 3 { ask q } reduce majority(same: alike)", {"x.vote": ["s", "t", "u"]}, ALIKE),
        (
            'repeat 2 { ask q } reduce majority(ties: first, same: ask "{{ a }} {{ b }}" -> bool)',
            {"x.vote": ["s", "t"], "x.vote.reduce": [BAD] * 3},
            {},
        ),
    ],
)
def test_a_vote_whose_samples_failed_by_their_own_fault_leads_on(
    stage: str, replies: dict[str, Any], externs: dict[str, Any]
) -> None:
    result = ran(stage, replies, externs)
    assert (result.status, result.value) == ("done", False)


@pytest.mark.parametrize(
    "said",
    [[error(401), "t", "t"], ["t", error(401), "t"], ["t", "t", error(401)]],
)
def test_a_vote_that_a_server_left_open_ends_the_cascade(said: list[Any]) -> None:
    result = ran("repeat 3 { a = ask q  fits(a) } reduce majority", {"x.vote": said}, FITS)
    assert result.status != "done"
    assert [one.path for one in result.failures] == ["x.vote"]


@pytest.mark.parametrize(
    "stage",
    [
        'map t in found at most 1 { ask "{{ t }}" -> bool } reduce majority',
        'repeat 2..3 over t in none_of_them { ask "{{ t }}" -> bool } reduce ahead(2)',
    ],
)
def test_a_list_that_a_stage_cannot_take_leads_on(stage: str) -> None:
    flow = f"""flow f(q: text) {{
      found = ask "{{{{ q }}}}" -> [text]
      none_of_them = map t in found where t == "" reduce collect
      x = cascade {{ {stage} else not true }}
      return {{ x, none_of_them }}
    }}"""
    result = run_scripted(Source(flow), {"q": "a"}, replies={"found": [["b", "c"]]})
    assert (result.status, result.value) == ("done", {"x": False, "none_of_them": []})


def test_a_panel_over_an_empty_default_is_refused_before_any_call() -> None:
    flow = """flow f(q: text, ts: [text] = []) {
      x = ask "{{ q }}"
      y = repeat 3 over t in ts { ask "{{ t }}" -> yes | no } reduce majority
      return { x, y }
    }"""
    provider = ScriptedProvider(lambda request, number: Scripted("yes"))
    options = RunOptions(opener=lambda *_: provider, model="x:y", journal=None)
    checked = check_flow(Source(flow), catalog())
    with pytest.raises(UsageError, match=r"the panel `y` has no items.*Nothing was sent"):
        run(checked, q="a", options=options)
    assert not provider.calls
    assert run(checked, q="a", ts=["b"], options=options).value == {"x": "yes", "y": "yes"}
