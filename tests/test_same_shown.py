"""The classes of a vote that compares its answers, wherever a run is told: in the flow, in `show` and on the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError, Source, check_flow, make_plan, types
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli import run_command
from flowrun.runtime.cli.run_records import read_records
from flowrun.runtime.engine.body_json import tally_json, tally_of
from flowrun.runtime.pages.ballots import Votes
from flowrun.runtime.pages.data import page_data
from flowrun.runtime.pages.markup import account_html
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.values.vote_records import votes_type
from support.harness import planned, stage
from support.judged_votes import flow, judged

Json = Any
BALLOTS = ["a1", "b1", "a2", "b2", "A2 ", "a3", "a4"]


def first_letter(one: str, other: str) -> bool:
    return one[0].lower() == other[0].lower()


async def recorded(folder: Path, text: str, ballots: list[str]) -> Path:
    """Run a flow, and return its journal."""
    plan = make_plan(check_flow(Source(text), catalog()))
    provider = ScriptedProvider(judged(ballots, first_letter, unit=0.01))
    journal = folder / "journal.db"
    await run_async(plan, {}, options=RunOptions(opener=lambda address, around: provider, journal=journal))
    return journal


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert run_command(["show", "last", *words]) == 0
    return capsys.readouterr().out


async def test_show_tells_of_the_classes_and_which_class_a_call_counted_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ("--journal", str(await recorded(tmp_path, flow("majority({same})", "7"), BALLOTS)))
    assert "7 comparisons, 2 classes with several wordings" in shown(capsys, *place)
    assert "it voted for the winner" in shown(capsys, "v[0].ask", *place)
    assert "it counts as the same as: a1;" in shown(capsys, "v[2].ask", *place)
    assert "it counts as the same as: b1;" in shown(capsys, "v[3].ask", *place)
    (vote,) = json.loads(shown(capsys, "--json", *place))["run"]["votes"].values()
    assert vote["ballots"][0]["answer"] == "a1"
    assert vote["classes"] == {"wordings": [3, 2], "questions": 7, "failed": 0, "asymmetric": 0, "intransitive": 0}


async def test_the_class_of_a_field_is_found_in_the_record_of_a_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        'type R = { said: text, why: text } flow f() { v = repeat 3 { ask "?" -> R with seed: 1 } '
        'reduce majority(by: said, same: ask "S[{{ a }}|{{ b }}]" -> yes | no) return v }'
    )
    ballots = ['{"said": "x1", "why": "one"}', '{"said": "y", "why": "two"}', '{"said": "x2", "why": "three"}']
    place = ("--journal", str(await recorded(tmp_path, text, ballots)))
    assert "it counts as the same as: x1;" in shown(capsys, "v[2].ask", *place)


async def test_the_page_knows_the_class_of_each_call(tmp_path: Path) -> None:
    (record,) = read_records(("last",), await recorded(tmp_path, flow("majority({same})", "7"), BALLOTS))
    data: Any = page_data(record)
    assert data["votes"]["told"] == ["7 comparisons, 2 classes with several wordings"]
    votes = Votes(record)
    found = {call.answer.text: votes.ballot_of(call) for call in record.calls if call.vote and call.answer}
    votes_for = {text: at for text, at in found.items() if at >= 0}
    assert votes_for == {"a1": 0, "a2": 0, "A2 ": 0, "a3": 0, "b1": 1, "b2": 1}
    assert "<p>v: 7 comparisons, 2 classes" in account_html(record, texts=False)


def test_a_flow_reads_the_classes() -> None:
    text = flow("ahead(2, {same})", "2..7", seen=", c: votes(v).classes")
    ran = stage(text, judged(BALLOTS, first_letter))
    found = ran.outcome.value["c"]
    (tally,) = ran.outcome.tallies.values()
    assert tally.classes is not None
    assert found == {
        "wordings": [len(one) for one in tally.classes.texts],
        "questions": tally.classes.questions,
        "failed": 0,
        "asymmetric": 0,
        "intransitive": 0,
    }
    for field in ("questions", "failed", "asymmetric", "intransitive"):
        planned(flow("majority({same})", "3", seen=f", c: votes(v).classes.{field} + 1"))


def test_a_vote_that_compares_nothing_has_no_classes() -> None:
    text = 'flow f() { v = repeat 3 { ask "?" -> a | b } reduce majority return votes(v).classes }'
    with pytest.raises(FlowError, match="Votes has no field `classes`"):
        planned(text)
    plain = votes_type({"of": types.TEXT})
    assert isinstance(plain, types.Record)
    assert plain.field("classes") is None


def test_a_vote_that_was_not_held_has_no_classes() -> None:
    text = (
        'flow f(held: bool) { v = repeat 3 { ask "?" with seed: 1 } '
        'reduce majority(same: ask "S[{{ a }}|{{ b }}]" -> yes | no) when held return votes(v).classes }'
    )
    assert stage(text, judged([], first_letter), {"held": False}).outcome.value is None
    assert stage(text, judged(["a", "b", "c"], first_letter), {"held": True}).outcome.value["questions"] == 3


def test_hostile_texts_stay_whole_in_the_account() -> None:
    hostile = "a\x1b[31m\u202e\n" + "x" * 5000
    ran = stage(flow("majority({same})", "3"), judged([hostile, "b", "a2"], first_letter))
    (tally,) = ran.outcome.tallies.values()
    assert tally.classes is not None
    assert tally.classes.texts == ((hostile, "a2"), ("b",))


def test_the_tally_travels_between_processes() -> None:
    (tally,) = stage(flow("majority({same})", "7"), judged(BALLOTS, first_letter)).outcome.tallies.values()
    assert tally.classes is not None
    assert tally.classes.wordings == (3, 2)
    assert tally_of(json.loads(json.dumps(tally_json(tally)))) == tally


def test_a_panel_groups_by_classes() -> None:
    text = (
        'flow f() { v = repeat 6 over w in ["p", "q"] { ask "{{ w }}" with seed: 1 } '
        'reduce majority(same: ask "S[{{ a }}|{{ b }}]" -> yes | no) return votes(v).panel }'
    )
    ran = stage(text, judged(["a1", "a2", "b1", "a3", "a4", "b2"], first_letter))
    for said in ran.outcome.value:
        assert said["counts"] == [{"answer": "a1", "count": 2}, {"answer": "b1", "count": 1}]
