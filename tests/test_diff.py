"""`flowrun diff`: the calls, votes, values and costs in which two runs differ."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.cli.views.changed_words import changed_words
from flowrun.runtime.cli.views.differences import Differences, differences
from flowrun.runtime.cli.views.screen import Screen
from flowrun.runtime.plans.run_calls import RunCalls
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.call_record import CallRecord
from flowrun.runtime.vocabulary.run_record import EndRecord, RunRecord
from support import run_records as made
from support.shown import Show, shower, texts_of

DIFF = ["diff", "one", "two"]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Show:
    return shower(capsys, monkeypatch)


def compared(before: RunRecord, after: RunRecord) -> Differences:
    return differences(RunCalls(before), RunCalls(after))


def changed(record: RunRecord, at: int, **fields: Any) -> RunRecord:
    calls = list(record.calls)
    calls[at] = replace(calls[at], **fields)
    return replace(record, calls=tuple(calls))


def paths(record: RunRecord, places: Sequence[int]) -> list[str]:
    return [RunCalls(record).addresses[at].text for at in places]


def asked(*texts: str, **settings: Any) -> Request:
    return Request(
        tuple(Message("user", text) for text in texts), **{"temperature": 0.7, "max_tokens": 200, **settings}
    )


@pytest.mark.parametrize(
    "record", [made.letters(), made.empty_run(), made.killed_run(), made.hostile_run(), made.tree_run()]
)
def test_a_run_does_not_differ_from_itself(record: RunRecord, show: Show) -> None:
    found = compared(record, record)
    assert found.none
    assert len(found.pairs) == len(record.calls)
    ran = show(DIFF, record, record)
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "same prompts, answers, votes and value"
    assert json.loads(show([*DIFF, "--json"], record, record).out)["same"] is True


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"request": asked("another")}, "prompt"),
        ({"request": None}, "prompt"),
        ({"model": "openai:other"}, "model"),
        ({"answers": (made.answer("another"),)}, "answer"),
        ({"answers": (), "state": "failed"}, "answer"),
    ],
)
def test_a_change_of_a_call_is_found(fields: dict[str, Any], part: str) -> None:
    before = made.one_call()
    found = compared(before, changed(before, 0, **fields))
    assert [one.path for one in found.changed(part)] == ["hello"]
    assert not found.none


def test_settings_are_compared() -> None:
    before = made.one_call()
    found = compared(before, changed(before, 0, request=asked("Hello Ada", temperature=0.1)))
    assert found.pairs[0].changed == ("settings",)


def test_times_costs_and_the_journal_are_no_changes(show: Show) -> None:
    before = made.one_call()
    after = changed(before, 0, state="reused", attempts=())
    assert compared(before, after).none
    out = show(DIFF, before, after).out
    assert re.search(r"answered +1 +0 +−1\nreused +0 +1 +\+1\n", out)
    assert "cost" in out


def test_elements_are_matched_by_their_labels(show: Show) -> None:
    before = made.record([*made.element(0, "ada"), *made.element(1, "bob")])
    shifted = [replace(one, request=old.request) for one, old in zip(
        [*made.element(1, "ada"), *made.element(2, "bob")], before.calls, strict=True
    )]  # fmt: skip
    shifted = [replace(one, answers=old.answers) for one, old in zip(shifted, before.calls, strict=True)]
    after = made.record([*made.element(0, "new"), *shifted])
    found = compared(before, after)
    assert paths(after, found.right) == [
        "notes[0].polished.draft", *(f"notes[0].verdict[{n}].ask" for n in range(3))
    ]  # fmt: skip
    assert not found.left
    assert not any(one.changed for one in found.pairs)
    assert found.pairs[0].path == "notes[1].polished.draft"


def test_a_label_of_several_elements_is_no_name() -> None:
    same = made.record([*made.element(0, "dup"), *made.element(1, "dup")])
    assert compared(same, same).none
    # The calls may end in any order: their numbers tell them apart.
    assert compared(same, replace(same, calls=(*same.calls[4:], *same.calls[:4]))).none
    fewer = made.record(made.element(0, "dup"))
    assert paths(same, compared(same, fewer).left)[0] == "notes[1].polished.draft"


def test_calls_of_one_run_only(show: Show) -> None:
    before, after = made.letters(2, lost=None), made.letters(3, lost=None)
    found = compared(before, after)
    assert (len(found.left), len(found.right)) == (0, 4)
    out = show(DIFF, before, after).out
    assert "4 calls only after" in out
    assert "── only after\nnotes[2].polished.draft\n" in out


def test_votes_and_values(show: Show) -> None:
    before = made.letters(1, lost=None)
    votes = {"notes[0].verdict": made.tally(("NOT", 2), ("SPAM", 1))}
    after = replace(before, end=EndRecord("Stop now.", complete=True, votes=votes))
    out = show(DIFF, before, after).out
    assert "1 vote changed · another value" in out
    assert "notes[0].verdict: SPAM (2 of 3); NOT 1; agreement 0.67, margin 1 → NOT (2 of 3); SPAM 1;" in out
    assert "── value\n[-Go on-]{+Stop now+}." in out
    data = json.loads(show([*DIFF, "--json"], before, after).out)
    assert data["value"] == {"before": "Go on.", "after": "Stop now."}
    assert data["votes"][0]["after"]["winner"] == "NOT"


def test_costs_stand_side_by_side(show: Show) -> None:
    before = made.one_call()
    after = changed(before, 0, answers=(made.answer("Hello Ada!", cost=0.005),))
    after = replace(after, account={**after.account, "cost": 0.005})
    out = show(DIFF, before, after).out
    assert re.search(r"cost +\$0\.00002 +\$0\.005 +\+\$0\.00498\n", out)
    data = json.loads(show([*DIFF, "--json"], before, after).out)
    assert data["version"] == 1
    assert data["difference"]["cost"] == pytest.approx(0.00498)
    unknown = changed(before, 0, answers=(made.answer("Hello Ada!", cost=None),))
    unknown = replace(unknown, account={**unknown.account, "cost": None})
    assert re.search(r"cost +\$0\.00002 +\? +\?\n", show(DIFF, before, unknown).out)
    assert json.loads(show([*DIFF, "--json"], before, unknown).out)["difference"]["cost"] is None


def test_the_json_has_both_sides_of_a_change(show: Show) -> None:
    before = made.letters()
    after = changed(before, 1, answers=(made.answer("NOT"),))
    data = json.loads(show([*DIFF, "--json"], before, after).out)
    [one] = data["changed"]
    assert (one["path"], one["changed"]) == ("notes[0].verdict[0].ask", ["answer"])
    assert (one["before"]["answers"][0]["text"], one["after"]["answers"][0]["text"]) == ("SPAM", "NOT")
    assert data["unchanged"] == len(before.calls) - 1


def test_a_terminal_gets_the_first_changes(show: Show) -> None:
    before = made.letters(40, lost=None)
    calls = tuple(replace(one, answers=(made.answer("new"),)) for one in before.calls)
    after = replace(before, calls=calls)
    out = show(DIFF, before, after, screen=Screen(80, 24)).out
    assert "more calls; a pipe gets all" in out
    assert "more calls" not in show(DIFF, before, after, screen=Screen()).out


def test_hostile_texts_are_inert(show: Show) -> None:
    before = made.hostile_run()
    turned: list[CallRecord] = [
        replace(one, answers=other.answers, request=other.request)
        for one, other in zip(before.calls, reversed(before.calls), strict=True)
    ]
    end = EndRecord(list(reversed(made.HOSTILE)), complete=True, votes=before.end.votes)
    after = replace(before, calls=tuple(turned), end=end)
    out = show(DIFF, before, after).out
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", out)
    assert set(made.HOSTILE) <= set(texts_of(json.loads(show([*DIFF, "--json"], before, after).out)))


# Words


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("same", "same", "same"),
        ("", "new", "{+new+}"),
        ("old", "", "[-old-]"),
        ("the red car", "the blue car", "the [-red-]{+blue+} car"),
        ("one two", "one two three", "one two{+ three+}"),
        ("SPAM", "NOT", "[-SPAM-]{+NOT+}"),
        ("price 10", "price 100", "price [-10-]{+100+}"),
        ("a\nb", "a\nc", "a\\n[-b-]{+c+}"),
        ("very old words here", "quite new words here", "[-very old-]{+quite new+} words here"),
    ],
)
def test_words_that_changed_are_marked(before: str, after: str, said: str) -> None:
    assert changed_words(before, after, Screen()) == said


@given(st.lists(st.sampled_from(["a ", "b ", "cat ", "\n", ". "])), st.lists(st.sampled_from(["a ", "b ", "dog "])))
def test_both_texts_can_be_read_from_the_marks(one: list[str], other: list[str]) -> None:
    before, after = "".join(one[:8]), "".join(other[:8])
    said = changed_words(before, after, Screen()).replace("\\n", "\n")
    assert re.sub(r"\[-(.*?)-\]|\{\+.*?\+\}", r"\1", said, flags=re.DOTALL) == before
    assert re.sub(r"\[-.*?-\]|\{\+(.*?)\+\}", r"\1", said, flags=re.DOTALL) == after


def test_long_equal_parts_are_left_out() -> None:
    text = " ".join(f"word{number}" for number in range(1000))
    said = changed_words(f"{text} old {text}", f"{text} new {text}", Screen())
    assert len(said) < 300
    assert "[-old-]{+new+}" in said
    assert said.startswith("…")
    assert said.endswith("…")


def test_very_long_texts_are_compared_in_a_moment() -> None:
    before, after = "x" * (1 << 20), "y" * (1 << 20)
    assert len(changed_words(before, after, Screen())) < 2000
    many = " ".join(map(str, range(200_000)))
    assert len(changed_words(many, many.replace("1", "2"), Screen())) < 100_000


def test_colours_take_the_place_of_marks() -> None:
    said = changed_words("the red car", "the blue car", Screen(80, 24, colour=True))
    assert said == "the \x1b[31mred\x1b[0m\x1b[32mblue\x1b[0m car"


def test_a_narrow_terminal_shows_the_figures_of_both_runs(show: Show) -> None:
    before = replace(made.letters(), id="20261129-093339-48e1")
    after = replace(changed(before, 0, reason="x"), id="20261129-094501-77ab")
    lines = show(DIFF, before, after, screen=Screen(40, 24)).out.splitlines()
    assert lines[0].split() == ["…93339-48e1", "…94501-77ab"]
    whole = show(DIFF, before, after, screen=Screen(200, 24)).out.splitlines()
    figures = [line.split() for line in whole[1 : whole.index("")]]
    assert [line.split() for line in lines[1 : lines.index("")]] == figures
    assert len(figures) > 5
