"""The grammar of paths, the names of unnamed steps, and the search for the calls at a path."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.dsl import plan as p
from flowrun.runtime.plans.run_calls import RunCalls
from flowrun.runtime.plans.step_paths import call_addresses
from flowrun.runtime.vocabulary.call_path import CallPath, Part, Segment, label_text, parse_path, path_text
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.run_record import RunRecord
from support import run_records as made
from support.harness import planned

RUNS = (
    made.letters(),
    made.one_call(),
    made.empty_run(),
    made.killed_run(),
    made.resumed_run(),
    made.hostile_run(),
    made.tree_run(),
)


def parts(text: str) -> list[str]:
    return [one.text for one in parse_path(text).parts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("notes[17].draft", ["notes", "17", "draft"]),
        ("notes.17.draft", ["notes", "17", "draft"]),
        (" notes [17].draft ", ["notes", "17", "draft"]),
        ("notes[c-17].draft", ["notes", "c-17", "draft"]),
        ("notes.c-17.draft", ["notes", "c-17", "draft"]),
        ('notes."Dear Mr. [B]".draft', ["notes", "Dear Mr. [B]", "draft"]),
        ("notes['it\\'s'].draft", ["notes", "it's", "draft"]),
        ("notes[Dear bank, again].draft", ["notes", "Dear bank, again", "draft"]),
        ("notes[3,1].draft", ["notes", "3,1", "draft"]),
        ("notes.reduce[1.0]", ["notes", "reduce", "1", "0"]),
        ("all[0][1]", ["all", "0", "1"]),
        ("legal.line 20", ["legal", "line 20"]),
        ("größe.größe", ["größe", "größe"]),
    ],
)
def test_a_path_is_read(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("notes.", "has no name behind its last `.`"),
        ("notes..draft", "lacks a name"),
        (".notes", "lacks a name"),
        ("notes[17.draft", "has a `[` without its `]`"),
        ("notes[]", "has nothing between its brackets"),
        ('notes."open', "has a quote without an end"),
        ("notes[17]draft", "where a `.` or a `[` should stand"),
        ("notes#", "without the number of a call"),
        ("notes#0", "without the number of a call"),
        ("notes#2.draft", "without the number of a call"),
        ('notes[""]', "empty part"),
        ("a" * 3000, "too long"),
    ],
)
def test_a_fault_in_a_path_is_named(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why.replace("[", r"\[").replace("]", r"\]").replace(".", r"\.")):
        parse_path(text)


@given(st.text(max_size=30))
def test_any_text_is_a_path_or_is_refused(text: str) -> None:
    try:
        path = parse_path(text)
    except UsageError:
        return
    assert parse_path(str(path)) == path


@given(st.text(min_size=1, max_size=30).filter(lambda text: text.strip() == text))
def test_every_label_can_be_written(label: str) -> None:
    path = parse_path(f"notes[{label_text(label)}].draft")
    assert [one.text for one in path.parts] == ["notes", label, "draft"]
    assert path.holds([Segment("notes"), Segment("7", place=True, label=label), Segment("draft")])


@pytest.mark.parametrize("record", RUNS, ids=lambda record: str(len(record.calls)))
def test_every_printed_path_leads_back_to_its_call(record: RunRecord) -> None:
    calls = RunCalls(record)
    printed = [one.text for one in calls.addresses]
    assert len(set(printed)) == len(record.calls)
    for at, text in enumerate(printed):
        assert calls.find(text) == [at]
        assert calls.find(text.replace("[", ".").replace("]", "")) == [at]


def test_unnamed_steps_have_the_name_of_their_word() -> None:
    calls = RunCalls(made.letters())
    printed = [one.text for one in calls.addresses]
    assert "notes[0].verdict[2].ask" in printed
    assert "advice.legal.ask" in printed
    assert calls.find("advice.legal.line 20") == calls.find("advice.legal.ask")
    assert calls.path_of("advice.legal.line 20") == "advice.legal.ask"


def test_a_second_unnamed_step_has_a_number_that_no_step_has() -> None:
    plan = planned('flow a(x: text) { b = chain { ask2 = ask "1"\n ask "2 {{ ask2 }}"\n} return b }')
    chain = plan.steps[0].node
    assert isinstance(chain, p.Chain)
    body = chain.body.steps
    chain = replace(chain, body=replace(chain.body, steps=(*body, replace(body[1], name="#9"))))
    plan = replace(plan, steps=(replace(plan.steps[0], node=chain),))
    title = body[1].title
    calls = [made.call(f"b.{title}", step=body[1].name), made.call("b.ask2"), made.call(f"b.{title}", step="#9")]
    assert [one.text for one in call_addresses(plan, calls)] == ["b.ask", "b.ask2", "b.ask3"]


def test_calls_of_one_path_are_counted() -> None:
    record = made.record([made.call("advice.money", "one"), made.call("advice.money", "two")])
    calls = RunCalls(record)
    assert [one.text for one in calls.addresses] == ["advice.money", "advice.money#2"]
    assert calls.find("advice.money") == [0, 1]
    assert calls.find("advice.money#1") == [0]
    with pytest.raises(UsageError, match=r"has 2 calls at `advice.money`, and not number 3"):
        calls.find("advice.money#3")


def test_a_path_holds_everything_under_it() -> None:
    calls = RunCalls(made.letters(3, lost=None))
    printed = [one.text for one in calls.addresses]
    assert [printed[at] for at in calls.find("notes[0]")] == [text for text in printed if text.startswith("notes[0]")]
    assert len(calls.find("notes")) == 12
    assert len(calls.find("notes.1.verdict")) == 3
    # A place that is left out stands for all places.
    assert [printed[at] for at in calls.find("notes.polished")] == [f"notes[{n}].polished.draft" for n in range(3)]


def test_merges_of_a_tree_are_told_apart() -> None:
    calls = RunCalls(made.tree_run())
    assert [calls.addresses[at].text for at in calls.find("notes.reduce")] == [
        "notes.reduce[1][0]",
        "notes.reduce[1][1]",
        "notes.reduce[2][0]",
    ]
    assert calls.find("notes.reduce[1.1]") == calls.find("notes.reduce.1.1") == [5]
    assert len(calls.find("notes.reduce.1")) == 2


@pytest.mark.parametrize(
    "label",
    [*[one for one in made.HOSTILE if len(one) < 1000], "c-17", "17", "900", "a.b[c]", "polished", "  spaced  ", '"'],
)
def test_an_element_has_the_name_that_its_author_gave(label: str) -> None:
    record = made.record([*made.element(0, "first"), *made.element(1, label)])
    calls = RunCalls(record)
    quoted = label_text(label) if label.strip() == label else f'"{label}"'
    assert calls.find(f"notes[{quoted}]") == calls.find("notes[1]") == [4, 5, 6, 7]


def test_a_number_is_a_place_before_it_is_a_label() -> None:
    record = made.record([*made.element(0, "1"), *made.element(1, "900")])
    calls = RunCalls(record)
    assert calls.find("notes[1]") == [4, 5, 6, 7]
    assert calls.find('notes["1"]') == [0, 1, 2, 3]
    assert calls.find("notes[900].verdict[0]") == [5]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("note", "did you mean `notes`"),
        ("nothing.of.this.kind.exists", "its steps are `notes`, `advice`"),
        ("notes[99]", "`notes` exists, and has the places 0 to 2 (also by label, such as `letter-0`"),
        ("notes[1].polished.drft", "`notes[1].polished` exists; did you mean `draft`"),
        ("notes[letter-9]", "did you mean `letter-"),
        ("advice.zzz", "`advice` exists, with `legal`, `money`, `reduce`"),
        ("advice.money.more", "`advice.money` exists"),
    ],
)
def test_an_unknown_path_is_refused_with_a_guess(path: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        RunCalls(made.letters(3, lost=None)).find(path)
    assert said in str(caught.value)
    assert "the run swift-otter-1a2b has no path" in str(caught.value)


@pytest.mark.parametrize("path", ["notes.both", "advice", "advice.reduce", "notes.verdict"])
def test_steps_without_calls_are_known(path: str) -> None:
    assert RunCalls(made.empty_run()).find(path) == []


def test_hostile_paths_steer_no_terminal() -> None:
    calls = RunCalls(made.letters())
    for text in made.HOSTILE:
        with pytest.raises(UsageError) as caught:
            calls.find(f"notes[{label_text(text)}]")
        assert "\x1b" not in str(caught.value)
        assert "\u202e" not in str(caught.value)


def test_a_path_is_written_as_it_is_read() -> None:
    path = CallPath(
        (Part("notes"), Part("17", brackets=True), Part("Dear bank", brackets=True, quoted=True), Part("x")), 2
    )
    assert str(path) == 'notes[17]["Dear bank"].x#2'
    assert path_text([Segment("a"), Segment("0", place=True), Segment("b")]) == "a[0].b"
