"""Holes in each construct: in cascades, panels, searches, free text, called flows and tests of flows."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import Checked, FlowError, Source, check_flow, make_plan, python_stub, stub_flows
from flowrun.runtime.catalog import catalog
from support.answering import Answering
from support.tunings import Tune, report, rows, server, tune

__all__ = ["server", "tune"]

HEAD = 'model cheap = "openai:cheap"\nmodel strong = "openai:strong"\n'
ASK = '{ ask cheap "Spam? {{ mail }}" -> spam | fine }'
SAY = '{ ask cheap "Say {{ mail }}" }'
RATE = '{ ask cheap "Rate {{ mail }}" -> { s: 1..5 } }'
SAME = 'same: ask cheap "Same? {{ a }} {{ b }}" -> yes | no'


def checked(text: str) -> Checked:
    return check_flow(Source(text), catalog())


def flow(step: str) -> str:
    return f"{HEAD}flow label(mail: text) {{\n  kind = {step}\n  return kind\n}}\n"


def cascade(first: str, condition: str) -> str:
    return flow(
        f'cascade {{\n    {first}\n    else ask strong "S {{{{ mail }}}}" -> spam | fine when {condition}\n  }}'
    )


def places(text: str) -> list[str]:
    found = checked(text).tuning
    assert found is not None
    return [f"{one.title}: {' '.join(one.texts)}" for one in found.places]


ONE = 'ask cheap "Spam? {{ mail }}" -> spam | fine'
PANEL = 'over m in [cheap, strong] { ask m "Spam? {{ mail }}" -> spam | fine }'
SAMPLES = "repeat: 3 5 9 15 21 40"
VOTE = f"repeat 3 {ASK} reduce majority(ties: first)"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (cascade(VOTE, "agreement < ?"), ["agreement <: 0 0.33 0.66 1 2"]),
        (cascade(VOTE, "? > agreement"), ["agreement <: 0 0.33 0.66 1 2"]),
        (cascade(VOTE, "margin < ?"), ["margin <: 0 1 2 3 4"]),
        (cascade(VOTE, 'agreement < ? and mail != "x"'), ["agreement <: 0 0.33 0.66 1 2"]),
        (
            cascade(ONE, "sure < ?"),
            ["sure <: 0 0.5 0.6 0.7 0.8 0.9 0.95 0.99 2"],
        ),
        (
            cascade(f"repeat ?(2, 3) {ASK} reduce majority(ties: first)", "agreement < ?"),
            ["repeat: 2 3", "agreement <: 0 0.5 0.6 0.7 0.8 0.9 1 2"],
        ),
        (
            cascade(f"repeat 2..? {ASK} reduce ahead(?(1, 2))", "agreement < 1"),
            [SAMPLES, "ahead: 1 2"],
        ),
        (
            flow(f"repeat 2..? {PANEL} reduce ahead(?)"),
            [SAMPLES, "ahead: 1 2 3"],
        ),
        (flow(f"repeat 2..4 {ASK} reduce ahead(?)"), ["ahead: 1 2 3 4"]),
        (flow(f"repeat 2..?(4, 6) {ASK} reduce window(?)"), ["repeat: 4 6", "window: 2 3 4"]),
        (
            flow(
                'repeat 3 over m in [cheap, ?(cheap, strong)] { ask m "S {{ mail }}" -> spam | fine } reduce majority'
            ),
            ["kind: cheap strong"],
        ),
        (flow(f"repeat 3..? {SAY} reduce ahead(?, {SAME})"), ["repeat: 5 9 15 21 40", "ahead: 1 2 3 4 5"]),
        (
            flow(f"repeat 1..? {RATE} reduce first(if: result.s >= ?(3, 4))"),
            [SAMPLES, "result.s >=: 3 4"],
        ),
        (flow(f"repeat 1..9 {RATE} reduce best(by: s, enough: ?(3, 4))"), ["enough: 3 4"]),
        (
            flow(
                f'repeat 4 {SAY} reduce best(judge: ask strong "Best? {{{{ results }}}}", method: ?(knockout, pairs))'
            ),
            ["method: knockout pairs"],
        ),
        (flow(f"repeat 3..9 {ASK} reduce ahead(2) with launch: ?(cost, latency)"), ["launch: cost latency"]),
        (
            f"{HEAD}flow vote(mail: text) {{\n  return repeat 3..5 {ASK} reduce ahead(?(1, 2))\n}}\n"
            "flow label(mail: text, t: number = ?(0, 1)) {\n  kind = vote(mail)\n  return { kind, t }\n}\n",
            ["ahead: 1 2", "t: 0 1"],
        ),
    ],
)
def test_a_hole_stands_in_each_construct(text: str, found: list[str]) -> None:
    assert places(text) == found


@pytest.mark.parametrize(
    ("text", "span", "message"),
    [
        (flow(f"repeat 3..5 {SAY} reduce ahead(2, same: ?)"), "?", "no candidates are known for a `?` in this place"),
        (flow(f"repeat 1..9 {RATE} reduce first(if: result.s >= ?)"), "?", "no candidates are known"),
        (flow(f"repeat 1..9 {RATE} reduce best(by: s, enough: ?)"), "?", "no candidates are known"),
        (
            flow(f"repeat 3 {PANEL.replace('[cheap, strong]', '?([cheap], [strong])')} reduce majority"),
            "[cheap]",
            "a candidate is a number, a text or a word",
        ),
        (cascade(f"repeat 2..40 {ASK} reduce ahead(2)", "margin < ?"), "?", "no candidates are known"),
        (
            flow(VOTE) + 'test "a" of label {\n  mail = "x"\n  expect result == ?(spam, fine)\n}\n',
            "?(spam, fine)",
            "a test expects values that are known, and no `?`",
        ),
        (
            cascade(f"repeat 2..? {ASK} reduce ahead(?)", "agreement < ? and margin < ?(1, 2)"),
            "?(1, 2)",
            "the candidates make 6 × 3 × 8 × 2 = 288 settings",
        ),
    ],
)
def test_a_hole_that_cannot_be_tuned_is_told_at_its_place(text: str, span: str, message: str) -> None:
    with pytest.raises(FlowError) as caught:
        checked(text)
    [error] = caught.value.diagnostics
    assert (error.code, error.span.text) == ("F0777", span) and message in error.message and error.help


def test_a_cascade_may_always_go_up_with_a_warning() -> None:
    assert [one.code for one in checked(cascade(VOTE, "agreement < 2")).warnings] == ["F0775"]
    assert checked(cascade(VOTE, "agreement < ?")).warnings == ()
    with pytest.raises(FlowError, match="F0628"):
        checked(cascade(VOTE, "agreement < 2.5"))


def test_a_stub_needs_no_values() -> None:
    held = cascade(VOTE, "agreement < ?")
    assert python_stub(stub_flows(checked(held), "a.flow")) == python_stub(
        stub_flows(checked(held.replace("?", "1")), "a.flow")
    )
    with pytest.raises(FlowError, match="F0779"):
        make_plan(checked(held))


def test_a_cascade_is_tuned_against_its_dear_model(tune: Tune, tmp_path: Path) -> None:
    text = cascade(VOTE, "agreement < ?")
    (tmp_path / "label.flow").write_text(text, encoding="utf-8")
    rows(tmp_path, 50, "toss", "toss")
    found = report(tune("--lose", "5%", "--json", "--write"))
    assert [one["values"]["agreement <"] for one in found["settings"]] == ["2", "1", "0.66", "0.33", "0"]
    assert [one["calls_a_row"] for one in found["settings"][:2]] == [4, 3 + 2 / 52]
    assert [one["right"] for one in found["settings"]] == [52, 52, 50, 50, 50]
    assert found["written"] and "when agreement < 1\n" in (tmp_path / "label.flow").read_text(encoding="utf-8")


def test_a_hole_outside_of_the_flow_is_told_before_anything_is_sent(
    tune: Tune, tmp_path: Path, server: Answering
) -> None:
    other = f"{HEAD}flow vote(mail: text) {{\n  return repeat 3..5 {ASK} reduce ahead(?)\n}}\n"
    (tmp_path / "label.flow").write_text(other + flow(VOTE).removeprefix(HEAD), encoding="utf-8")
    result = tune("--lose", "20%")
    assert "line 4: the flow `label` is the same with each value of this `?`" in str(result.exception)
    assert not server.prompts
    assert report(tune("--lose", "20%", "--json", "--flow", "vote"))["pick"] is not None
