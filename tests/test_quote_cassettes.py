"""Quotes in tests of flows: recorded from a server, played again, and scripted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flowrun.runtime.cli.test import command
from support.answering import Answering, answering

FLOW = """\
type Mail = { id: int, body: text }

flow label(mails: [Mail], q0: text) {
  found = map mail in mails {
    ask "Which words ask for money? {{ mail.body }}" -> [quote of mail.body]
  } reduce collect
  first = ask "One word of {{ q0 }}" -> quote of q0
  return { found, first }
}
test "two mails" of label {
  mails = [{ id: 1, body: "Send me “money”." }, { id: 2, body: "Pay me back, please." }]
  q0 = "some text"
  cassette "label.cassette.jsonl"
  expect found == [["me “money”"], ["Pay me back"]]
  expect first == "text"
}
"""


def answer(prompt: str, model: str, number: int) -> str:
    if prompt.startswith("One word"):
        return "text"
    if prompt.startswith("That answer cannot be used"):
        return json.dumps(["Pay me back"])
    return json.dumps(['me "money"' if "money”" in prompt else "Pay us back"])


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering(answer) as server:
        yield server


def test_a_cassette_with_quotes_is_recorded_and_played(
    server: Answering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("label.flow").write_text(FLOW, encoding="utf-8")
    environ = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}

    def run(*arguments: str) -> Result:
        return CliRunner(env=environ).invoke(command, ["label.flow", *arguments], standalone_mode=False)

    recorded = run("--record", "--model", "openai:m", "--journal", "journal.db")
    assert recorded.exception is None and recorded.return_value == 0, recorded.output
    sent = len(server.prompts)
    assert sent == 4
    kept = [json.loads(line) for line in Path("label.cassette.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sum("Pay us back" in str(line.get("answer")) for line in kept) == 1
    played = run()
    assert played.return_value == 0, played.output
    assert len(server.prompts) == sent
