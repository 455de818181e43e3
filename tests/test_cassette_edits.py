"""Calls that a cassette lacks: the failure stands at the line of the cassette and tells what was changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flowrun.runtime.cli.test import command
from support.answering import Answering, answering

FLOW = """\
model fast = "openai:fast" with temperature: 0.5
flow label(mails: [text]) {
  kinds = map mail in mails {
    k = ask fast "Is this spam? {{ mail }}" -> spam | fine
  } reduce collect
  note = ask fast system "Be brief and kind to all who write." user \"\"\"
    Sum up the kinds of mail that came today, one after the other, in a single sentence: {{ kinds }}
    And be fair.
    \"\"\"
  return note
}
setup taped of label {
  cassette "label 1.cassette.jsonl"
}
test "two mails" of label {
  setup taped
  mails = ["win", "hello"]
  expect note contains "sum"
}
"""
NAME = "label 1.cassette.jsonl"
Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering(lambda prompt, model, number: "spam" if prompt.startswith("Is") else "a sum") as server:
        yield server


@pytest.fixture
def run(tmp_path: Path, server: Answering, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("a label.flow").write_text(FLOW, encoding="utf-8")
    environ = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}

    def tested(*arguments: str) -> Result:
        more = ["--journal", "journal.db", "--yes"] if "--record" in arguments else []
        return CliRunner(env=environ).invoke(command, ["a label.flow", *arguments, *more], standalone_mode=False)

    recorded = tested("--record")
    assert recorded.return_value == 0, recorded.output
    return tested


def edit(old: str, new: str) -> None:
    path = Path("a label.flow")
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "Is this spam?",
            "Is this really spam?",
            [
                "lacks 2 calls: `kinds[0].k`, `kinds[1].k` (the prompts of 2 of them were edited)",
                '`kinds[0].k`: from character 9 on: "Is this spam? win" in the cassette, "Is this really spam? win"',
                "or write `reply kinds.k: …`",
            ],
        ),
        (
            "to all who write",
            "to everybody",
            ["this call: `note` (its prompt was edited)", "`note`: system: from character 22 on: "],
        ),
        (
            "in a single sentence",
            "in one sentence",
            ["`note`: user: line 1: from character 67 on: ", "in a single sentence: [", "in one sentence: ["],
        ),
        (
            'system "Be brief and kind to all who write." user',
            "",
            ["`note`: messages: system, user in the cassette, user"],
        ),
        (
            '"openai:fast"',
            '"openai:slow"',
            ["the models of 2 of them were changed", "model: `openai:fast` in the cassette, `openai:slow` in the test"],
        ),
        (
            "temperature: 0.5",
            "temperature: 0.7, seed: 3",
            [
                "the options of 2 of them were changed",
                "options: temperature 0.5 in the cassette, temperature 0.7, seed 3 in the test",
            ],
        ),
        (
            "-> spam | fine",
            "-> spam | fine | other",
            ["the form of the answers of 2 of them was changed"],
        ),
        ('["win", "hello"]', '["win", "hello", "a third"]', ["lacks this call: `kinds[2].k`\n"]),
    ],
    ids=["prompt", "system", "line", "roles", "model", "options", "form", "element"],
)  # fmt: skip
def test_a_call_that_is_missing_is_told_with_what_was_changed(
    run: Run, server: Answering, old: str, new: str, said: list[str]
) -> None:
    edit(old, new)
    sent = len(server.prompts)
    failed = run()
    assert failed.return_value == 1 and len(server.prompts) == sent
    out = failed.stdout
    assert " --> a label.flow:13:3" in out and f'\n13 |   cassette "{NAME}"\n' in out, out
    assert "`flowrun test 'a label.flow' --record missing` asks the models" in out
    for part in said:
        assert part in out, out
    assert run("--record", "missing").return_value == 0
    assert len(server.prompts) > sent
    assert run().return_value == 0


def test_a_row_that_is_far_from_all_others_is_no_edit(run: Run) -> None:
    Path("mails.json").write_text(json.dumps([{"mails": ["win"]}, {"mails": ["hello"]}]), encoding="utf-8")
    edit('  mails = ["win", "hello"]', '  cases "mails.json"')
    assert run("--record", "missing").return_value == 0
    rows = [{"mails": [one]} for one in ("win", "hello", "A very long letter that has nothing to do with the others")]
    Path("mails.json").write_text(json.dumps(rows), encoding="utf-8")
    out = run().stdout
    assert "lacks this call: `kinds[0].k`\n" in out and "differs" not in out, out


def test_a_difference_of_many_lines_is_cut(run: Run) -> None:
    lines = "\n".join(f"    line {number}" for number in range(30))
    edit("    And be fair.", lines)
    out = run().stdout
    assert "`note`: user: -And be fair." in out and "`note`: user: +line 0" in out, out
    assert out.count("differs: ") == 7 and "differs: …" in out


@pytest.mark.parametrize(("content", "said"), [(None, "there is no cassette"), ("{", "is not JSON")])
def test_a_cassette_that_cannot_be_read_is_told_at_its_line(run: Run, content: str | None, said: str) -> None:
    Path(NAME).unlink()
    if content is not None:
        Path(NAME).write_text(content, encoding="utf-8")
    out = run().stdout
    assert f'13 |   cassette "{NAME}"\n' in out and said in out
