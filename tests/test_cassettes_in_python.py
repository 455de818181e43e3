"""Cassettes in Python: the fixture ``flow`` and ``run_scripted`` play them, and ``load_cassette`` reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun import FlowrunError, InputError, UsageError
from flowrun.testing import Cassette, ScriptError, load_cassette, run_scripted
from flowrun.testing.scripted_setup import beside
from support.taped import tape

FLOW = """\
flow label(mails: [text]) {
  kinds = map mail in mails {
    k = repeat 3 { ask "Spam? {{ mail }}" -> spam | fine } reduce majority
  } reduce collect
  note = ask "Sum up {{ kinds }}"
  return { kinds, note }
}
"""
MAILS = ["win", "hello"]


def answer(prompt: str) -> str:
    if prompt.startswith("Spam?"):
        return "spam" if "win" in prompt else "fine"
    return "a sum"


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "label.flow"
    path.write_text(FLOW, encoding="utf-8")
    tape(tmp_path / "label.cassette.jsonl", path, answer, mails=MAILS)
    return path


def test_a_cassette_answers_the_calls(flow: Path) -> None:
    result = run_scripted(flow, mails=MAILS, cassette="label.cassette.jsonl")
    assert result.value == {"kinds": ["spam", "fine"], "note": "a sum"}
    assert result.tallies["kinds[0].k"].winner == "spam"
    assert [(call.path, call.answer) for call in result.calls][-1] == ("note", "a sum")
    account = result.summary.account
    assert (account.input_tokens, account.output_tokens) == (7 * len(result.calls), 3 * len(result.calls))


def test_replies_come_before_the_cassette(flow: Path) -> None:
    replies = {"kinds[1].k": "spam", "note": "mine"}
    result = run_scripted(flow, mails=MAILS, cassette="label.cassette.jsonl", replies=replies)
    assert result.value == {"kinds": ["spam", "spam"], "note": "mine"}
    with pytest.raises(ScriptError, match="this reply was never used"):
        unused = {"kinds[2].k": "spam"}
        run_scripted(flow, mails=MAILS, cassette="label.cassette.jsonl", replies=unused)


def test_a_call_that_the_cassette_lacks_says_what_was_changed(flow: Path) -> None:
    flow.write_text(FLOW.replace("Sum up", "Please sum up"), encoding="utf-8")
    with pytest.raises(ScriptError) as raised:
        run_scripted(flow, mails=MAILS, cassette="label.cassette.jsonl")
    assert str(raised.value).splitlines() == [
        "the script does not fit the run of `label`:",
        "  the cassette `label.cassette.jsonl` lacks this call: `note` (its prompt was edited)",
        '    `note`: from character 1 on: "Sum up [\\"spam\\", \\"fine\\"]" in the cassette, '
        '"Please sum up [\\"spam\\", \\"fine\\"]" in the test',
    ]


def test_a_cassette_is_read_once_for_many_runs(flow: Path) -> None:
    cassette = load_cassette(flow.parent / "label.cassette.jsonl")
    assert isinstance(cassette, Cassette) and cassette.flow == "label" and len(cassette) == len([*cassette]) == 5
    assert [line.path for line in cassette][-1] == "note"
    for _ in range(2):
        assert run_scripted(flow, mails=MAILS, cassette=cassette).ok


def test_a_path_starts_beside_the_flow_or_beside_the_test(flow: Path, tmp_path: Path) -> None:
    run = beside(run_scripted, tmp_path / "tests", tmp_path)
    assert run("label.flow", mails=MAILS, cassette="label.cassette.jsonl").ok
    (tmp_path / "tests").mkdir()
    (tmp_path / "label.cassette.jsonl").rename(tmp_path / "tests" / "other.jsonl")
    assert run("label.flow", mails=MAILS, cassette="other.jsonl").ok
    assert run(flow, mails=MAILS, cassette=tmp_path / "tests" / "other.jsonl").ok
    with pytest.raises(InputError, match=r"there is no file `.*gone.jsonl`"):
        run("label.flow", mails=MAILS, cassette="gone.jsonl")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "`cassette` is the path of a file, or what `load_cassette` returns; found `3`"),
        (b"x", "`cassette` is the path of a file"),
        ("", "is a folder, not a file"),
        ("label.flow", "label.flow`:1: this line is not JSON"),
    ],
)
def test_what_is_no_cassette_is_refused(flow: Path, given: object, said: str) -> None:
    with pytest.raises(FlowrunError, match=said) as raised:
        run_scripted(flow, mails=MAILS, cassette=given)  # type: ignore[arg-type]
    assert isinstance(raised.value, UsageError | InputError)
