"""`flowrun test --record` with flows of all shapes: what is asked, what is kept, and that the tests then pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowrun.runtime.cli.test import command
from support.answering import Answering, answering

SHAPES = """\
model fast = "openai:fast" with temperature: 0.5, max_tokens: 50
model other = "openai:other"
extern lookup(name: text) -> text from "nowhere:lookup"
flow inner(topic: text) {
  long = ask other "Long {{ topic }}"
  short = ask "Short {{ long }}" -> low | high
  return short
}
flow shapes(topics: [text], odd: text) {
  known = lookup(name: odd)
  policy = file("policy.md")
  notes = map topic in topics { n = inner(topic: topic) } reduce collect
  voted = repeat 3 { ask fast "Vote {{ odd }} {{ policy }}" -> yes | no with seed: 7 } reduce majority
  joined = map topic in topics {
    ask fast system "Be kind {{ known }}" user "Part {{ topic }}"
  } reduce by 2 ask "Join {{ results }}"
  return { notes, voted, joined }
}
test "all" of shapes {
  topics = ["a {{ x }}", " b \\n", "c"]
  odd = "{% raw %} <&>"
  extern lookup: "a value"
  file "policy.md": "be kind"
  cassette "shapes.cassette.jsonl"
  expect voted == yes
}
"""
TABLE = """\
flow label(mail: text) {
  k = ask "Spam? {{ mail }}" -> spam | fine
  return k
}
test "a mail" of label {
  cases "mails.jsonl"
  cassette "tapes/label.cassette.jsonl"
  expect k == row.want
}
test "the same mail" of label {
  mail = "win 1"
  cassette "tapes/label.cassette.jsonl"
  expect k == spam
}
"""
Run = Callable[..., Result]


def answer(prompt: str, model: str, number: int) -> str:
    if prompt.startswith("Spam?"):
        if model == "locked" or "locked" in prompt:
            return "400"
        if "odd" in prompt and not number:
            return "perhaps"
        return "spam" if "win" in prompt else "fine"
    if prompt.startswith("That answer cannot be used"):
        return "fine"
    if prompt.startswith("Vote"):
        return "yes"
    if prompt.startswith("Short"):
        return "low"
    return f"[{prompt}]"


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering(answer) as server:
        yield server


@pytest.fixture
def run(tmp_path: Path, server: Answering, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    environ = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}

    def tested(*arguments: str) -> Result:
        more = ["--model", "openai:m", "--journal", "journal.db"] if "--record" in arguments else []
        return CliRunner(env=environ).invoke(command, [*arguments, *more], standalone_mode=False)

    return tested


def rows(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()][1:]


def test_asks_of_all_shapes_are_recorded_as_the_flow_asks_them(run: Run, server: Answering) -> None:
    Path("shapes.flow").write_text(SHAPES, encoding="utf-8")
    recorded = run("--record")
    assert recorded.exception is None and recorded.return_value == 0, recorded.output
    sent = len(server.prompts)
    lines = rows("shapes.cassette.jsonl")
    assert len(lines) == sent == 3 * 2 + 2 + 3 + 2
    assert {line["model"] for line in lines} == {"openai:fast", "openai:other", "openai:m"}
    assert {line["messages"][-1]["text"] for line in lines} >= {"Vote {% raw %} <&> be kind", "Long a {{ x }}"}
    assert run().return_value == 0
    assert run("--record", "missing").return_value == 0 and len(server.prompts) == sent


def test_the_rows_of_a_table_and_other_tests_share_a_cassette(run: Run, server: Answering) -> None:
    Path("label.flow").write_text(TABLE, encoding="utf-8")
    mails = [("win 1", "spam"), ("hello", "fine"), ("odd", "fine")]
    table = "".join(json.dumps({"id": mail, "mail": mail, "want": want}) + "\n" for mail, want in mails)
    Path("mails.jsonl").write_text(table, encoding="utf-8")
    Path("tapes").mkdir()
    recorded = run("--record")
    assert recorded.exception is None and recorded.return_value == 0, recorded.output
    lines = rows("tapes/label.cassette.jsonl")
    # The question of two tests is asked once, and an answer that did not fit is asked for again.
    assert server.prompts.count("Spam? win 1") == 1
    assert sorted((line["answer"], line["again"]) for line in lines) == [
        ("fine", 0), ("fine", 1), ("perhaps", 0), ("spam", 0),
    ]  # fmt: skip
    [corrected] = [line for line in lines if line["again"]]
    assert [one["role"] for one in corrected["messages"]] == ["user", "assistant", "user"]
    assert run().return_value == 0
    assert "lost" not in run("--update").stderr and rows("tapes/label.cassette.jsonl") == lines


def test_a_call_that_fails_is_told_and_the_others_are_kept(run: Run, server: Answering) -> None:
    Path("label.flow").write_text(TABLE, encoding="utf-8")
    mails = '{"id": 1, "mail": "locked", "want": "fine"}\n{"id": 2, "mail": "win 2", "want": "spam"}\n'
    Path("mails.jsonl").write_text(mails, encoding="utf-8")
    Path("tapes").mkdir()
    recorded = run("--record")
    assert recorded.return_value == 3 and "`k` has no answer: " in recorded.stderr, recorded.output
    assert {line["answer"] for line in rows("tapes/label.cassette.jsonl")} == {"spam"}
    assert len(rows("tapes/label.cassette.jsonl")) == 2


def test_without_a_cassette_there_is_nothing_to_record(run: Run) -> None:
    Path("label.flow").write_text(TABLE.replace('  cassette "tapes/label.cassette.jsonl"\n', ""), encoding="utf-8")
    assert "no chosen test has a cassette to record" in str(run("--record").exception)


def test_the_answer_of_a_fallback_model_is_asked_for_once(run: Run, server: Answering) -> None:
    models = 'model good = "openai:locked" else "openai:spare"\n'
    flow = (
        models
        + TABLE.split('test "a mail"', maxsplit=1)[0].replace("ask ", "ask good ")
        + 'test "the same'
        + TABLE.split('test "the same')[1]
    )
    Path("label.flow").write_text(flow, encoding="utf-8")
    Path("tapes").mkdir()
    recorded = run("--record")
    assert recorded.exception is None and recorded.return_value == 0, recorded.output
    assert server.prompts[-1] == "Spam? win 1" and len(server.prompts) < 6
    lines = rows("tapes/label.cassette.jsonl")
    assert [(one["model"], one["finish"]) for one in lines] == [("openai:locked", "failed"), ("openai:spare", "stop")]
    assert run().return_value == 0
