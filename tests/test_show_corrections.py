"""The messages that later attempts at a call send: they are shown as the server got them, wherever a call is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.cli import run_command
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.pages.data import page_data
from flowrun.runtime.replay import find_call, read_run
from flowrun.runtime.vocabulary.call_record import CallRecord, as_row
from flowrun.runtime.vocabulary.run_record import RunRecord

Json = Any
FLOW = """\
model m = "openai:m"
flow f() {
  a = ask m "How bad is it?\\nBe frank." -> { word: text, n: 1..5 } with retries: 3
  return a
}
"""
ODD = 'about "3"\r\n\t</script>\x1b[2J\u202e 汉字 🇨🇭'


def said(number: int, word: str = ODD) -> Json:
    return {"word": word, "n": number}


def reply(number: int, word: str = ODD) -> Json:
    message = {"role": "assistant", "content": json.dumps(said(number, word), ensure_ascii=False)}
    usage = {"prompt_tokens": 9, "completion_tokens": 3}
    return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}


@pytest.fixture
def around(faults: Any, monkeypatch: pytest.MonkeyPatch) -> Json:
    monkeypatch.setenv("OPENAI_BASE_URL", faults.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    return faults


def bodies(faults: Any) -> list[Json]:
    """The messages of each request, as the server got them."""
    return [body["messages"] for body in faults.seen]


def sent(call: Json) -> list[Json]:
    """The messages of each attempt, from the row of a call."""
    spelled = [[*call["messages"], *one["correction"]] for one in call["attempts"]]
    return [[{"role": one["role"], "content": one["text"]} for one in messages] for messages in spelled]


def replayed(path: Path) -> RunRecord:
    with JournalReader(path) as reader:
        return read_run(reader, reader.index.named("last")[0])


async def test_every_reader_shows_the_messages_of_each_attempt(
    around: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    around.json(reply(8))
    around.json({"error": {"message": "slow down"}}, 429, Retry_After="0")
    around.json(reply(9, "w"))
    around.json(reply(4))
    flow, journal = tmp_path / "f.flow", tmp_path / "j.db"
    flow.write_text(FLOW)
    result = await run_async(flow, options=RunOptions(journal=journal, learn=False))
    assert result.value == said(4)
    got = bodies(around)
    assert [len(one) for one in got] == [1, 3, 3, 3]
    assert got[1] == got[2] != got[3]

    record = replayed(journal)
    [call] = record.calls
    assert sent(as_row(call)) == sent(result.calls[0]) == got
    assert [one.answer for one in call.attempts] == [0, None, 1, 2]
    with JournalReader(journal) as reader:
        assert find_call(reader, reader.index.named("last")[0], "a") == call

    assert run_command(["show", "last", "a", "--json", "--journal", str(journal)]) == 0
    [row] = json.loads(capsys.readouterr().out)["calls"]
    assert sent(row) == got

    assert run_command(["show", "last", "a", "--journal", str(journal)]) == 0
    out = capsys.readouterr().out
    for number, text in (("s 2 and 3", got[1][2]["content"]), (" 4", got[3][2]["content"])):
        assert f"── user, added in attempt{number}\n{text}\n" in out
    assert out.index("answer 1 of 3") < out.index("attempts 2 and 3") < out.index("answer 2 of 3")
    assert out.index("answer 2 of 3") < out.index("added in attempt 4") < out.index("answer 3 of 3")
    assert '── assistant, added in attempt 4\n{"word": "w", "n": 9}\n' in out
    assert "\x1b" not in out

    assert run_command(["show", "last", "--grep", "Answer the question again", "--journal", str(journal)]) == 0
    assert capsys.readouterr().out.count("a user: That answer cannot be used") == 2
    on_page(record, got)


def on_page(record: RunRecord, got: list[Json]) -> None:
    data: Json = page_data(record)
    texts, prompt = data["strings"], data["calls"]["prompt"][0]
    for refs, messages in zip(data["attempts"]["correction"], got, strict=True):
        parts = [texts[one] for one in (*prompt, *(refs or ()))]
        assert parts == [part for one in messages for part in (one["role"], one["content"])]
    assert data["attempts"]["answer"] == [0, None, 1, 2]
    bare: Json = page_data(record, texts=False)
    assert set(bare["attempts"]["correction"]) == {0}


async def test_without_a_journal_the_messages_are_remembered(around: Any, tmp_path: Path) -> None:
    around.json(reply(9))
    around.json(reply(4))
    flow = tmp_path / "f.flow"
    flow.write_text(FLOW)
    result = await run_async(flow, options=RunOptions(learn=False))
    assert sent(result.calls[0]) == bodies(around)
    assert [one["answer"] for one in result.calls[0]["attempts"]] == [0, 1]


async def test_a_fallback_gets_the_prompt_without_the_correction_and_is_named(around: Any, tmp_path: Path) -> None:
    """A final failure gives the call to the fallback, which gets the question as it was first."""
    around.json(reply(9))
    around.json({"error": {"message": "no such model"}}, 404)
    around.json(reply(4))
    flow, journal = tmp_path / "f.flow", tmp_path / "j.db"
    flow.write_text(FLOW.replace('"openai:m"', '"openai:m" else "openai:spare"'))
    for options in (RunOptions(journal=journal, learn=False), RunOptions(learn=False)):
        around.seen.clear()
        result = await run_async(flow, options=options)
        [row] = result.calls
        assert sent(row) == bodies(around)
        assert [len(one) for one in sent(row)] == [1, 3, 1]
        assert [one["model"] for one in row["attempts"]] == [f"openai:{body['model']}" for body in around.seen]
        assert row["model"] == "openai:spare"


def test_messages_that_nobody_knows_are_null() -> None:
    """After `journal forget` an earlier attempt may have carried a correction that the flow makes no more."""
    from support import run_records as made

    attempts = (made.attempt("a", "spoilt", answer=0, correction=None), made.attempt("b", answer=1))
    call: CallRecord = made.call("hello", attempts=attempts, answers=(made.answer("x", error="no"), made.answer("y")))
    assert [one["correction"] for one in as_row(call)["attempts"]] == [None, []]
    bare = CallRecord("hello", "hello", "hello", "m", "failed", attempts=(made.attempt("a", "spoilt"),))
    assert [one["correction"] for one in as_row(bare)["attempts"]] == [None]
    assert "correction" not in as_row(call, texts=False)["attempts"][0]
