"""The data of a page: what its columns hold, and that the packed form loses nothing."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.pages.ballots import Votes
from flowrun.runtime.pages.data import ENDS, STATES, page_data
from flowrun.runtime.pages.head import figures_of, length_of
from flowrun.runtime.pages.inputs import Inputs
from flowrun.runtime.pages.markup import account_html, in_words
from flowrun.runtime.pages.packing import code, pack
from flowrun.runtime.pages.run_index import index_row
from flowrun.runtime.plans.run_calls import RunCalls
from flowrun.runtime.vocabulary.run_record import LossRecord, RunRecord, StretchRecord
from flowrun.runtime.vocabulary.tally import Tally
from support.page_records import answer_of, call_of, plan_from, review, run_of

FLOW = """\
flow sub(of: text) {
  short = ask "Shorten {{ of }}"
  again = ask "Again {{ short }}"
  return again
}
flow whole(xs: [text]) {
  notes = map x in xs {
    draft = ask "Draft {{ x }}"
    good = ask "Good? {{ draft }}" -> yes | no
  } reduce collect
  others = map note in notes {
    ask "Other {{ note }}"
  } reduce collect
  few = map note in notes where note == yes {
    ask "Few {{ note }}"
  } reduce collect
  verdict = repeat 3 {
    why = ask "Why {{ others }}"
    ask "Vote {{ why }}" -> A | B
  } reduce majority
  s = sub(of: verdict)
  board = fanout {
    legal = ask "Legal {{ s }}"
    money = ask "Money {{ few }}"
  } reduce ask "Merge {{ results }}"
  return board
}
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("notes[1].draft", []),
        ("notes[1].good", ["notes[1].draft"]),
        ("others[2].line 12", ["notes[2]"]),
        ("others[2].ask", ["notes[2]"]),
        ("few[0].ask", ["notes"]),
        ("verdict[1].why", ["others"]),
        ("verdict[1].ask", ["verdict[1].why"]),
        ("s.short", ["verdict"]),
        ("s.again", ["s.short", "verdict"]),
        ("board.legal", ["s"]),
        ("board.money", ["few"]),
        ("board.reduce", ["board"]),
        ("nothing.of[3].this", []),
        ("", []),
    ],
)
def test_the_inputs_of_a_call_are_those_of_the_plan(path: str, expected: list[str]) -> None:
    assert Inputs(plan_from(FLOW)).of(path) == expected


RECORDS = {
    "text": ("yes", "no"),
    "case": ("YES ", "no"),
    "number": (3, 4),
    "record": ({"verdict": "yes", "why": "a"}, {"verdict": "no", "why": "b"}),
}


@pytest.mark.parametrize("values", RECORDS.values(), ids=RECORDS)
def test_a_ballot_finds_its_class(values: tuple[Any, Any]) -> None:
    counted = tuple(one["verdict"] if isinstance(one, dict) else one for one in values)
    if counted[0] == "YES ":
        counted = ("yes", "no")
    tally = Tally(counted[0], tuple(zip(counted, (2, 1), strict=True)), 3, asked=3, counted=3, first=counted[0], of=3)
    calls = [call_of(f"verdict[{n}].ask", vote="verdict") for n in range(4)]
    ballots = [values[0], values[1], values[0], "something else"]
    calls = [replace(one, answers=(answer_of("x", value),)) for one, value in zip(calls, ballots, strict=True)]
    votes = Votes(run_of(calls, plan=plan_from(FLOW), votes={"verdict": tally}))
    assert [votes.ballot_of(one) for one in calls] == [0, 1, 0, -1]
    assert votes.decided("verdict") == 700
    assert votes.ballot_of(replace(calls[0], path="verdict[0].why")) == -1
    assert votes.ballot_of(replace(calls[0], answers=())) == -1


def read(packed: str) -> dict[str, Any]:
    """Read the packed form as the page does."""
    data = gzip.decompress(base64.b64decode(packed))
    size = int.from_bytes(data[:4], "little")
    found: dict[str, Any] = json.loads(data[4 : 4 + size])
    codes, at, texts = data[4 + size :], 0, []
    for count in found.pop("counts"):
        text = ""
        for _ in range(count):
            first = codes[at]
            length = 1 if first < 128 else 2 if first < 224 else 3 if first < 255 else 5
            rest = int.from_bytes(codes[at + 1 : at + length], "big")
            number = {1: first, 2: 128 + ((first - 128) << 8) + rest, 3: 24704 + ((first - 224) << 16) + rest, 5: rest}
            text += found["words"][number[length]]
            at += length
        texts.append(text)
    assert at == len(codes)
    del found["words"]
    return found | {"strings": texts}


def test_the_packed_form_loses_nothing() -> None:
    data = page_data(review())
    assert read(pack(data)) == json.loads(json.dumps(data))


@given(st.lists(st.text(st.characters(codec=None), max_size=60), max_size=20))
def test_every_text_comes_through_the_packed_form(texts: list[str]) -> None:
    assert read(pack({"strings": texts}))["strings"] == texts


def test_tens_of_thousands_of_different_words_come_through() -> None:
    texts = [" ".join(f"w{n}" for n in range(start, start + 1000)) for start in range(0, 40_000, 1000)]
    assert read(pack({"strings": [*texts, *texts]}))["strings"] == [*texts, *texts]


@pytest.mark.parametrize(
    ("number", "length"), [(0, 1), (127, 1), (128, 2), (24_703, 2), (24_704, 3), (2_056_319, 3), (2_056_320, 5)]
)
def test_the_codes_of_words_grow_at_their_bounds(number: int, length: int) -> None:
    assert len(code(number)) == length


def test_the_columns_hold_what_the_record_holds() -> None:
    record = review()
    data: Any = page_data(record)
    strings, calls = data["strings"], data["calls"]
    assert [strings[one] for one in calls["path"]] == [one.text for one in RunCalls(record).addresses]
    assert [STATES[one] for one in calls["state"]] == [one.state for one in record.calls]
    assert [ENDS[one] for one in data["attempts"]["end"]] == [a.end for one in record.calls for a in one.attempts]
    assert all(isinstance(one, int) for one in calls["cost"])
    assert len({len(column) for column in calls.values()}) == 1
    assert len(data["requests"]) == 1
    assert data["figures"]["calls"] == 61


def test_a_text_stands_once_in_the_data() -> None:
    data: Any = page_data(run_of([call_of(f"notes[{n}].draft", "The same prompt.") for n in range(50)]))
    assert data["strings"].count("The same prompt.") == 1


def test_the_length_of_a_run_is_that_of_its_parts() -> None:
    open_call = call_of("a", answer=None, state="open", at=500)
    assert length_of(run_of([call_of("a", ms=700)], status="killed")) == 700
    assert length_of(run_of([open_call], status="running")) == 500
    assert length_of(run_of([call_of("a")], stretches=(StretchRecord(0, 300), StretchRecord(10_000, 10_400)))) == 700
    assert length_of(run_of([call_of("a", ms=1500)], stretches=())) == 1500


def test_an_unknown_cost_is_not_zero() -> None:
    calls = [call_of("a"), replace(call_of("b"), answers=(answer_of("x", cost=None),))]
    assert figures_of(run_of(calls)).cost is None
    assert figures_of(run_of(calls, account={"cost": 0.5, "requests": 9})).cost == 0.5
    assert figures_of(run_of(calls, account={"cost": 0.5, "requests": 9})).requests == 9


@pytest.mark.parametrize(
    ("cost", "unbilled", "expected"),
    [(0.0, None, "unknown"), (0.5, None, "≥ $0.50"), (0.0, 0.0, "$0"), (0.5, 0.0, "$0.50")],
)
def test_a_call_that_may_be_paid_at_an_unknown_price_does_not_cost_nothing(
    cost: float, unbilled: float | None, expected: str
) -> None:
    record = run_of([call_of("a", answer=None, state="open")], account={"cost": cost, "unbilled": unbilled})
    data: Any = page_data(record)
    assert dict(in_words(figures_of(record)))["cost"] == f"{expected} of $2.50"
    assert data["calls"]["cost"] == [None if unbilled is None else 0]
    assert (">unknown</td>" in account_html(record, texts=True)) == (unbilled is None)
    assert expected in index_row(record, "a.html").cells


def test_the_calls_tell_a_cost_that_the_account_does_not_know() -> None:
    record = run_of([call_of("a"), call_of("b")], account={"cost": None, "unbilled": 0.0})
    assert figures_of(record).cost == record.cost == pytest.approx(2 * 0.000214)
    assert figures_of(replace(record, account={"cost": 0})).cost == 0


def test_the_command_of_a_loss_forgets_answers_that_a_resume_would_take_again() -> None:
    spoilt = replace(call_of("notes[0].grave[1].line 5"), state="failed")
    refused = replace(call_of("board"), state="failed", answers=())
    losses = [LossRecord(spoilt.path, "expected A | B"), LossRecord("board", "busy")]
    record = run_of([spoilt, refused], status="partial", losses=losses)
    resume = f"flowrun resume {record.id}"
    assert commands(record) == [f"flowrun journal forget {record.id} 'notes[0].grave[1].ask' && {resume}", resume]
    python = plan_from('extern look(x: text) -> text from "here:look"\nflow f() {\n  y = look(x: "a")\n  return y\n}\n')
    assert commands(replace(record, plan=python))[1] == f"{resume} --allow-python"


def test_the_command_of_many_spoilt_answers_forgets_them_all() -> None:
    spoilt = [replace(call_of(f"notes[{n}].draft"), state="failed") for n in range(40)]
    losses = [LossRecord(one.path, "expected A | B") for one in spoilt]
    record = run_of(spoilt, status="partial", losses=losses)
    assert commands(record) == [
        f"flowrun journal forget {record.id} --failed && flowrun resume {record.id}",
    ]


def test_a_loss_above_its_spoilt_answer_forgets_that_answer_alone() -> None:
    calls = [call_of("notes[0].draft"), replace(call_of("notes[0].grave[2].line 5"), state="failed")]
    record = run_of(calls, status="partial", losses=[LossRecord("notes[0]", "no quorum")])
    (command,) = commands(record)
    assert command.startswith(f"flowrun journal forget {record.id} 'notes[0].grave[2].ask' && ")


def commands(record: RunRecord) -> list[str]:
    data: Any = page_data(record)
    return [data["strings"][one["command"]] for one in data["losses"]["causes"]]
