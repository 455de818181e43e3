"""Checks in tests of flows: scripted, recorded from a server, played again, and counted as covered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flowrun.runtime.cli.test import command
from support.answering import Answering, answering

FLOW = """\
flow label(mails: [text], limit: int) {
  word = ask "A word" check length(word) <= limit
  found = map mail in mails {
    ask "Which word asks for money? {{ mail }}" check answer in mail and answer != word
  } reduce collect
  vote = repeat 3 {
    ask "Urgent? {{ word }}" -> yes | no | unsure check answer != unsure
  } reduce majority
  return { found, word, vote }
}
"""
RECORDED = """\
test "two mails" of label {
  mails = ["Send me money.", "Pay me back, please."]
  limit = 4
  cassette "label.cassette.jsonl"
  expect found == ["money", "Pay"]
  expect word == "note"
}
"""
SCRIPTED = """\
test "a wrong word is asked again" of label {
  mails = ["Send me money."]
  limit = 4
  reply word: "sentence", "note"
  reply found: "cash", "note", "money"
  reply vote: unsure, no, no
  expect found == ["money"]
  expect vote == no
  expect votes(vote).discarded == 1
  expect calls == 8
  expect asked word contains "A word"
}
test "it never holds" of label {
  mails = ["Send me money."]
  limit = 4
  reply word: "sentence"
  expect word failed "`length(word)` is 8"
  expect calls == 3
}
"""


def answer(prompt: str, model: str, number: int) -> str:
    if prompt.startswith("A word"):
        return "sentence"
    if prompt.startswith("Urgent"):
        return "yes"
    if prompt.startswith("That answer cannot be used"):
        return "note" if "length(word)" in prompt else "Pay"
    return "money"


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering(answer) as server:
        yield server


def run(folder: Path, text: str, *arguments: str, **environ: str) -> Result:
    (folder / "label.flow").write_text(text, encoding="utf-8")
    given = [str(folder / "label.flow"), *arguments]
    return CliRunner(env=environ).invoke(command, given, standalone_mode=False)


def test_a_cassette_with_failed_checks_is_recorded_and_played(
    server: Answering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}
    whole = FLOW + RECORDED
    recorded = run(tmp_path, whole, "--record", "--model", "openai:m", "--journal", "journal.db", **environ)
    assert recorded.exception is None and recorded.return_value == 0, recorded.output
    sent = len(server.prompts)
    # Two tries at the word, one and two at the mails, and the ballots.
    assert sent in (7, 8)
    assert sum("cannot be used" in prompt for prompt in server.prompts) == 2
    played = run(tmp_path, whole, **environ)
    assert played.return_value == 0, played.output
    assert len(server.prompts) == sent


def test_a_reply_that_fails_the_check_is_an_attempt(tmp_path: Path) -> None:
    done = run(tmp_path, FLOW + SCRIPTED, "--coverage", "--min", "100")
    assert done.return_value == 0, done.output
    assert "100.0 %" in done.output


def test_a_check_that_no_answer_fails_is_not_covered(tmp_path: Path) -> None:
    replies = "\n".join(
        [
            'test "right" of label {',
            '  mails = ["money"]',
            "  limit = 4",
            '  reply word: "note"',
            '  reply found: "money"',
            "  reply vote: yes",
            '  expect word == "note"',
            "}\n",
        ]
    )
    output = run(tmp_path, FLOW + replies, "--coverage").output
    assert "label.flow:2: no test has an answer of `word` that fails its check" in output
    assert "label.flow:4: no test has an answer of `found.ask` that fails its check" in output
    assert "that passes its check" not in output
    assert (
        "label.flow:2: no test answers `word`, which has a check"
        in run(
            tmp_path,
            FLOW
            + replies.replace('reply word: "note"', 'reply word: error("400")').replace(
                'expect word == "note"', "expect failed"
            ),
            "--coverage",
        ).output
    )


def test_a_reply_of_another_type_is_still_a_mistake(tmp_path: Path) -> None:
    text = FLOW + SCRIPTED.replace('reply word: "sentence", "note"', 'reply word: "sentence", "sentence", "sentence"')
    done = run(tmp_path, text)
    assert done.return_value != 0
    assert "`length(word) <= limit` does not hold" in done.output
