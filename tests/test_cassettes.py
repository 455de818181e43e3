"""Cassettes on the command line: recorded from a server, played with nothing sent, and refused with secrets."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowrun.runtime.cli.test import command
from flowrun.runtime.vocabulary.errors import FlowrunError
from support.answering import Answering, answering

FLOW = """\
flow label(mails: [text]) {
  kinds = map mail in mails {
    k = repeat 3 { ask "Spam? {{ mail }}" -> spam | fine } reduce majority
    why = ask "Why is {{ mail }} {{ k }}?"
    { k, why }
  } reduce collect
  note = ask "Sum up {{ kinds }}"
  return { kinds, note }
}
test "two mails" of label {
  mails = ["win", "hello"]
  cassette "label.cassette.jsonl"
  expect length(kinds) == 2
  expect note contains "sum"
}
"""
Run = Callable[..., Result]


def answer(prompt: str, model: str, number: int) -> str:
    if prompt.startswith("Spam?"):
        return "spam" if "win" in prompt else "fine"
    return "a sum" if prompt.startswith("Sum") else f"because {prompt}"


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering(answer) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "label.flow").write_text(FLOW, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(folder: Path, server: Answering) -> Run:
    environ = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}

    def tested(*arguments: str) -> Result:
        given = [*arguments]
        if any(one.startswith("--record") for one in given):
            given += ["--model", "openai:m", "--journal", "journal.db"]
        return CliRunner(env=environ).invoke(command, given, standalone_mode=False)

    return tested


def rows(folder: Path, name: str = "label.cassette.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def test_a_cassette_is_recorded_and_then_played_with_nothing_sent(run: Run, folder: Path, server: Answering) -> None:
    first = run("label.flow")
    assert first.return_value == 1 and "flowrun test --record" in first.stdout
    recorded = run("label.flow", "--record")
    assert recorded.exception is None and recorded.return_value == 0, recorded.output
    assert "calls at first" in recorded.stderr and "1 test passed" in recorded.stdout
    sent = len(server.prompts)
    assert sent
    head, *lines = rows(folder)
    assert head == {"flowrun": "cassette", "version": 1, "flow": "label"}
    assert [line["path"] for line in lines] == [
        *(f"kinds[0].k[{sample}].ask" for sample in range(2)),
        "kinds[0].why",
        *(f"kinds[1].k[{sample}].ask" for sample in range(2)),
        "kinds[1].why",
        "note",
    ]
    assert set(lines[0]) == set("path sample again key model messages answer finish usage".split())
    assert lines[0]["messages"] == [{"role": "user", "text": "Spam? win"}] and lines[0]["model"] == "openai:m"
    assert server.url not in (folder / "label.cassette.jsonl").read_text(encoding="utf-8")
    assert run("label.flow").return_value == 0 and len(server.prompts) == sent


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "label.flow"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_an_edited_prompt_is_told_and_its_answers_alone_are_asked_for(
    run: Run, folder: Path, server: Answering
) -> None:
    assert run("label.flow", "--record").return_value == 0
    before = rows(folder)
    server.prompts.clear()
    edit(folder, "Why is", "Please, why is")
    failed = run("label.flow")
    assert failed.return_value == 1 and not server.prompts
    assert "the cassette `label.cassette.jsonl` lacks 2 calls: `kinds[0].why`, `kinds[1].why`" in failed.stdout
    assert "the prompts of 2 of them were edited" in failed.stdout and "--record missing" in failed.stdout
    again = run("label.flow", "--record", "missing")
    assert again.return_value == 0, again.output
    assert sorted(one.split()[0] for one in server.prompts) == ["Please,", "Please,", "Sum"]
    assert all(line in rows(folder) for line in before)
    assert len(rows(folder)) == len(before) + 3
    # The answers to the old prompts go only when they are told to.
    updated = run("--update")
    assert updated.return_value == 0 and "has lost 3 unused answers" in updated.stderr
    assert len(rows(folder)) == len(before)
    assert run("label.flow").return_value == 0
    assert "lost" not in run("--update").stderr


def test_a_row_that_is_inserted_leaves_the_answers_of_the_others(run: Run, folder: Path, server: Answering) -> None:
    edit(folder, '  note = ask "Sum up {{ kinds }}"\n  return { kinds, note }', "  return kinds")
    edit(folder, '  expect note contains "sum"\n', "")
    assert run("label.flow", "--record").return_value == 0
    server.prompts.clear()
    edit(folder, '["win", "hello"]', '["other", "win", "hello"]')
    edit(folder, "length(kinds) == 2", "length(kinds) == 3")
    lacking = run("label.flow").stdout
    assert "lacks" in lacking and "`kinds[0]." in lacking and "`kinds[1]." not in lacking
    assert run("label.flow", "--record", "missing").return_value == 0
    assert server.prompts and all("other" in one for one in server.prompts)


def test_nothing_is_pruned_that_another_test_may_take(run: Run, folder: Path) -> None:
    assert run("label.flow", "--record").return_value == 0
    edit(folder, "Why is", "Please, why is")
    before = rows(folder)
    assert "is not pruned: a test of it did not pass" in run("--update").stderr
    edit(folder, "Please, why is", "Why is")
    (folder / "other.flow").write_text(FLOW, encoding="utf-8")
    edit(folder, '["win", "hello"]', '["win"]')
    edit(folder, "length(kinds) == 2", "length(kinds) == 1")
    edit(folder, "expect note contains", 'reply note: "sum"\n  expect note contains')
    told = run("label.flow", "--update")
    assert told.return_value == 0 and "`other.flow` names it too" in told.stderr
    assert rows(folder) == before
    with pytest.raises(FlowrunError, match="leave out -k and -x"):
        raise run("--update", "-k", "two").exception or AssertionError


def test_a_flow_in_a_folder_above_keeps_its_answers(run: Run, folder: Path) -> None:
    (folder / "tapes").mkdir()
    edit(folder, '"label.cassette.jsonl"', '"./tapes/label.cassette.jsonl"')
    assert run("label.flow", "--record").return_value == 0
    below = FLOW.replace('["win", "hello"]', '["win"]').replace("length(kinds) == 2", "length(kinds) == 1")
    below = below.replace("  expect note", '  reply note: "sum"\n  expect note')
    (folder / "tapes" / "below.flow").write_text(below, encoding="utf-8")
    os.mkfifo(folder / "pipe.flow")
    before = rows(folder, "tapes/label.cassette.jsonl")
    told = run("tapes/below.flow", "--update")
    assert told.return_value == 0 and "`label.flow` names it too" in told.stderr, told.output
    assert rows(folder, "tapes/label.cassette.jsonl") == before
    (folder / "pipe.flow").unlink()
    assert "lost" not in run("--update").stderr


def test_a_reply_wins_over_the_cassette_and_is_never_paid(run: Run, folder: Path, server: Answering) -> None:
    edit(folder, "  expect length", "  reply kinds.k: fine\n  expect length")
    assert run("label.flow", "--record").return_value == 0
    assert not [one for one in server.prompts if one.startswith("Spam?")]
    assert [row["path"] for row in rows(folder)[1:]] == ["kinds[0].why", "kinds[1].why", "note"]
    assert "fine" in rows(folder)[1]["messages"][0]["text"]


def test_a_secret_is_not_sent_and_not_kept(run: Run, folder: Path, server: Answering) -> None:
    edit(folder, '"win"', '"sk-proj-abcdefghijklmnopqrstuvwx1234"')
    told = str(run("label.flow", "--record").exception)
    assert "the call `kinds[0].k[0].ask` has what looks like a secret" in told and "abcdefghij" not in told
    assert not server.prompts and not (folder / "label.cassette.jsonl").exists()


def test_a_budget_ends_the_recording_and_keeps_what_is_paid(run: Run, folder: Path, server: Answering) -> None:
    spent = run("label.flow", "--record", "all", "--budget", "5 calls")
    assert spent.return_value == 4 and "with a larger --budget" in spent.stderr, spent.output
    assert len(server.prompts) <= 5
    assert 1 < len(rows(folder)) <= 6
    assert run("label.flow", "--record", "missing", "--budget", "9 calls").return_value == 0
    assert len(server.prompts) <= 8


def test_an_option_of_the_recording_needs_it(run: Run) -> None:
    with pytest.raises(FlowrunError, match="--budget belongs to --record"):
        raise run("label.flow", "--budget", "5 calls").exception or AssertionError


def test_a_cassette_outside_of_the_folder_is_refused(run: Run, folder: Path, tmp_path_factory: Any) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (folder / "label.cassette.jsonl").symlink_to(outside / "x.jsonl")
    told = run("label.flow", "--record")
    assert "outside the flow's folder" in f"{told.exception} {told.output}"
    assert not list(outside.iterdir())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no cassette"),
        ("[]\n", "is not a record"),
        ("{\n", "is not JSON"),
        ('{"flowrun": "cassette", "version": 2, "flow": "f"}\n', "reads version 1"),
        ('{"flowrun": "cassette", "version": 1, "flow": "f"}\n{"path": 1}\n', ":2: `usage` must be a record"),
    ],
)
def test_a_broken_cassette_is_told_with_its_line(text: str, said: str, run: Run, folder: Path) -> None:
    (folder / "label.cassette.jsonl").write_text(text, encoding="utf-8")
    ran = run("label.flow")
    assert ran.return_value == 1 and said in ran.stdout, ran.output
