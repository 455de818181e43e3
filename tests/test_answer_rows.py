"""The rows of answers in the journal: what they keep of a reply, and what a later run gets back from them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import (
    Receipt,
    Result,
    RunOptions,
    Surroundings,
    TokenDetail,
    resume_async,
    run_async,
)
from flowrun.runtime.dispatch.answer_rows import AnswerRows, known_from
from flowrun.runtime.dispatch.cache import Recall
from flowrun.runtime.engine.decisions import Call, Known
from flowrun.runtime.providers.protocol import Provider
from flowrun.runtime.vocabulary.call import Answer, Reply, Request
from flowrun.runtime.vocabulary.errors import AnswerError, MalformedError
from flowrun.runtime.vocabulary.usage import Usage
from support.told_replies import BODIES, CHAT, CHAT_USAGE, KEY, environment

ONE = 'flow one() { x = ask """Say hi.""" return x }'
DECLARED = 'model m = "openai:m" with input_price: 2, output_price: 10\n'
PRICED = DECLARED + 'flow one() { x = ask m """Say hi.""" return x }'
VOTE = 'flow v() { x = repeat 3 { ask """Say hi.""" } reduce collect return x }'


async def run(path: Path, url: str, model: str, journal: Path, **options: Any) -> Result:
    environ = environment(url, KEY)
    return await run_async(path, options=RunOptions(model=model, environ=environ, journal=journal, **options))


def answers(journal: Path) -> list[dict[str, Any]]:
    """Read the bodies of the answers, without their times."""
    with sqlite3.connect(journal) as connection:
        rows = connection.execute("SELECT body FROM records WHERE kind = 'answer' ORDER BY number").fetchall()
    connection.close()
    bodies = [json.loads(body) for (body,) in rows]
    return [{name: value for name, value in one.items() if name not in ("from", "to")} for one in bodies]


SPECIAL = {
    "openai": {"cached": 32, "reasoning": 12, "served": "m-2026-03-17", "id": "chatcmpl-7"},
    "anthropic": {"cached": 25, "stored": 10, "reasoning": 12, "served": "m-20260301", "id": "msg_7"},
    "gemini": {"cached": 32, "reasoning": 12, "served": "m-001", "id": "re-7"},
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_row_keeps_what_the_reply_tells(faults: Any, flow: Any, tmp_path: Path, name: str) -> None:
    faults.json(BODIES[name])
    journal = tmp_path / "journal.db"
    result = await run(flow(ONE), faults.url, f"{name}:m", journal)
    assert result.value == "hi"
    assert answers(journal) == [{"text": "hi", "finish": "stop", "in": 40, "out": 20, **SPECIAL[name]}]
    assert result.usage == Usage(40, 20)


async def test_the_cost_is_that_of_the_declared_price(faults: Any, flow: Any, tmp_path: Path) -> None:
    faults.json(CHAT)
    journal = tmp_path / "journal.db"
    result = await run(flow(PRICED), faults.url, "openai:m", journal)
    (row,) = answers(journal)
    assert row["cost"] == pytest.approx((40 * 2 + 20 * 10) / 1e6)
    assert result.cost == pytest.approx(row["cost"])


async def test_the_samples_of_one_reply_share_its_tokens_and_its_cost(faults: Any, flow: Any, tmp_path: Path) -> None:
    choices = [{**CHAT["choices"][0], "message": {"content": text}} for text in "abc"]
    faults.json({**CHAT, "choices": choices})
    journal = tmp_path / "journal.db"
    result = await run(flow(DECLARED + VOTE.replace("ask", "ask m")), faults.url, "openai:m", journal)
    rows = answers(journal)
    assert len(rows) == 3 and len(faults.seen) == 1
    for name, whole in (("in", 40), ("out", 20), ("cached", 32), ("reasoning", 12)):
        assert sum(row[name] for row in rows) == whole
    assert sum(row["cost"] for row in rows) == pytest.approx(result.cost)
    assert {row["id"] for row in rows} == {"chatcmpl-7"}


async def test_a_row_has_no_key_for_what_is_not_known(faults: Any, flow: Any, tmp_path: Path) -> None:
    faults.json({"model": "m", "choices": CHAT["choices"], "usage": {"prompt_tokens": 4, "completion_tokens": 2}})
    journal = tmp_path / "journal.db"
    await run(flow(ONE), faults.url, "openai:m", journal)
    assert answers(journal) == [{"text": "hi", "finish": "stop", "in": 4, "out": 2}]


async def test_a_spoilt_reply_keeps_its_facts(faults: Any, flow: Any, tmp_path: Path) -> None:
    faults.json({**CHAT, "choices": [{"message": {"content": ""}, "finish_reason": "stop"}]})
    faults.json(CHAT)
    journal = tmp_path / "journal.db"
    result = await run(flow(PRICED), faults.url, "openai:m", journal)
    assert result.value == "hi"
    spoilt, good = answers(journal)
    assert "error" in spoilt and "error" not in good
    shared = {"in": 40, "out": 20, "cached": 32, "reasoning": 12, "served": "m-2026-03-17", "id": "chatcmpl-7"}
    for row in (spoilt, good):
        assert row.items() >= {**shared, "finish": "stop", "cost": good["cost"]}.items()


WRONG: dict[str, Any] = {
    "negative": -1,
    "text": "32",
    "bool": True,
    "huge": 10**300,
    "fraction": 1.5,
    "list": [32],
    "null": None,
}


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG)
async def test_wrong_numbers_are_not_reported(faults: Any, flow: Any, tmp_path: Path, value: Any) -> None:
    usage = {
        **CHAT_USAGE,
        "prompt_tokens_details": {"cached_tokens": value, "cache_write_tokens": value},
        "completion_tokens_details": {"reasoning_tokens": value},
    }
    faults.json({**CHAT, "usage": usage, "id": value if value != "32" else "", "model": None})
    journal = tmp_path / "journal.db"
    result = await run(flow(ONE), faults.url, "openai:m", journal)
    assert result.value == "hi"
    doubt = {"doubt": "more special tokens than there are in all"} if value == WRONG["huge"] else {}
    assert answers(journal) == [{"text": "hi", "finish": "stop", "in": 40, "out": 20} | doubt]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e999", "9" * 5000])
async def test_numbers_that_json_cannot_hold(faults: Any, flow: Any, tmp_path: Path, number: str) -> None:
    faults.raw(json.dumps({**CHAT, "usage": {**CHAT_USAGE, "prompt_tokens_details": {"cached_tokens": 0}}}).replace(
        '"cached_tokens": 0', f'"cached_tokens": {number}'
    ).encode())  # fmt: skip
    faults.json(CHAT)
    journal = tmp_path / "journal.db"
    result = await run(flow(ONE), faults.url, "openai:m", journal)
    assert result.value == "hi"
    assert "cached" not in answers(journal)[0]


async def test_the_key_is_in_no_row(faults: Any, flow: Any, tmp_path: Path) -> None:
    faults.json({**CHAT, "id": KEY, "model": f"m {KEY}"}, x_request_id=KEY)
    journal = tmp_path / "journal.db"
    await run(flow(ONE), faults.url, "openai:m", journal)
    assert answers(journal)[0].keys().isdisjoint({"served", "id"})
    assert KEY.encode() not in journal.read_bytes()


class Foreign:
    """A provider of another package, which tells all that it can."""

    model = endpoint = "acme:m"
    samples, concurrency = 1, 1

    def __init__(self, more: Any, receipt: Receipt | None) -> None:
        self.more = more
        self.receipt = receipt

    async def start(self) -> None:
        return None

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        usage = Usage(4, 2, TokenDetail(cached=1))
        return Reply((Answer("hi", more=self.more),), usage, receipt=self.receipt)

    async def close(self) -> None:
        return None


async def run_foreign(path: Path, journal: Path, more: Any, receipt: Receipt | None) -> Result:
    def opener(address: str, surroundings: Surroundings) -> Provider:
        return Foreign(more, receipt)

    return await run_async(path, options=RunOptions(model="acme:m", journal=journal, opener=opener))


async def test_the_further_facts_pass_untouched(flow: Any, tmp_path: Path) -> None:
    more = {"reasoning": "because\x00\U0001f600\ud83d", "batch": {"id": 7, "parts": [1, None, True]}}
    journal = tmp_path / "journal.db"
    await run_foreign(flow(ONE), journal, more, Receipt("m\x1b[0m", "r" * 999, cost=5.0))
    (row,) = answers(journal)
    assert row["more"] == more
    assert (row["served"], row["id"], row["cached"]) == ("m[0m", "r" * 128, 1)
    assert "cost" not in row, "the run reckons the cost, not the provider"


async def test_the_name_that_was_asked_for_is_not_written(flow: Any, tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    await run_foreign(flow(ONE), journal, None, Receipt("m", "req_7"))
    assert answers(journal) == [{"text": "hi", "finish": "stop", "in": 4, "out": 2, "cached": 1, "id": "req_7"}]


async def test_a_later_run_gets_all_of_it_back(flow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"reasoning": ["because"]}
    journal = tmp_path / "journal.db"
    path = flow(ONE)
    await run_foreign(path, journal, more, Receipt("other", "req_7"))
    found: list[Known] = []
    find = Recall.find

    def watched(recall: Recall, call: Call) -> Known:
        found.append(find(recall, call))
        return found[-1]

    monkeypatch.setattr(Recall, "find", watched)
    result = await run_foreign(path, journal, None, None)
    assert result.value == "hi"
    assert len(answers(journal)) == 1
    (known,) = found
    assert isinstance(known.answer, Answer) and known.answer.more == more
    assert known.usage == Usage(4, 2) and known.usage.detail == TokenDetail(cached=1)
    assert known.receipt == Receipt("other", "req_7")


def body_of(value: Any) -> Any:
    return json.loads(json.dumps(value))


def test_a_good_answer_comes_back_whole() -> None:
    rows = AnswerRows(lambda model, usage: 0.25)
    answer = Answer("hi", "length", "it was cut", True, {"a": [1]})
    share = Usage(4, 2, TokenDetail(1, 0, 2))
    known = known_from(b"k", body_of(rows.good(answer, share, "acme:m", Receipt("n", "req_7"))))
    found = known.answer
    assert isinstance(found, Answer)
    assert (found, found.said, found.final, found.more) == (answer, "it was cut", True, {"a": [1]})
    assert (known.key, known.usage, known.usage.detail) == (b"k", share, TokenDetail(1, 0, 2))
    assert known.receipt == Receipt("n", "req_7", 0.25)


@pytest.mark.parametrize(
    "error",
    [
        AnswerError("empty", text="t", final=True, finish="filtered", receipt=Receipt(id="req_7"), more={"a": 1}),
        MalformedError("no number", text="t", why="is no number"),
    ],
    ids=["spoilt", "malformed"],
)
def test_a_spoilt_answer_comes_back_whole(error: AnswerError) -> None:
    body = body_of(AnswerRows().spoilt(error, Usage(4, None, TokenDetail(reasoning=1)), "acme:m"))
    found = known_from(b"k", body).answer
    assert type(found) is type(error) and isinstance(found, AnswerError)
    assert (str(found), found.text, found.final, found.finish) == (str(error), "t", error.final, error.finish)
    assert found.usage == Usage(4, None) and found.usage.detail == TokenDetail(reasoning=1)
    assert (found.receipt or Receipt()).id == (error.receipt or Receipt()).id
    assert found.more == error.more
    assert getattr(found, "why", "") == getattr(error, "why", "")


OLD = {"text": "hi", "finish": "stop", "in": 4, "out": None}


def test_an_older_row_is_read_as_before() -> None:
    known = known_from(b"k", OLD)
    assert known == Known(b"k", Answer("hi"), Usage(4, None), receipt=Receipt())
    assert known.usage.detail is None and isinstance(known.answer, Answer) and known.answer.more is None


@pytest.mark.parametrize(
    "later",
    [
        {"cached": "x", "stored": 1.5, "reasoning": True, "cost": "free", "more": 7, "unknown": [1]},
        {"cached": None, "cost": True, "more": None},
    ],
)
def test_a_row_of_a_later_form_is_read_as_far_as_it_is_known(later: dict[str, Any]) -> None:
    known = known_from(b"k", {**OLD, **later})
    assert known.usage.detail is None and known.receipt == Receipt()


@pytest.mark.parametrize(
    "body", [None, [], "x", {}, {"in": 1, "out": 1}, {**OLD, "finish": "never"}, {**OLD, "in": {}}]
)
def test_a_row_without_an_answer_is_none(body: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        known_from(b"k", body)


async def test_a_resumed_run_keeps_the_facts_too(faults: Any, flow: Any, tmp_path: Path) -> None:
    two = 'flow two() { x = ask m """One.""" y = ask m """Two {{ x }}.""" return y }'
    faults.json(CHAT)
    faults.json({"error": {"message": "no such key", "type": "invalid_request_error"}}, status=401)
    faults.json(CHAT)
    journal = tmp_path / "journal.db"
    broken = await run(flow(DECLARED + two), faults.url, "openai:m", journal)
    assert broken.status == "failed"
    options = RunOptions(environ=environment(faults.url, KEY))
    result = await resume_async("last", journal=journal, options=options)
    assert result.value == "hi"
    first, second = answers(journal)
    assert first == second and first["cost"] > 0 and first["id"] == "chatcmpl-7"


WRONG_ERRORS = {
    "receipt": AnswerError("empty", receipt="req_7"),  # type: ignore[arg-type]
    "served": AnswerError("empty", receipt=Receipt(served=7)),  # type: ignore[arg-type]
    "finish": AnswerError("empty", finish=["stop"]),  # type: ignore[arg-type]
    "more": AnswerError("empty", more={"x": {1}}),
    "usage": AnswerError("empty", usage=7),  # type: ignore[arg-type]
    "tokens": AnswerError("empty", usage=Usage("7")),  # type: ignore[arg-type]
    "detail": AnswerError("empty", usage=Usage(detail=7)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("error", WRONG_ERRORS.values(), ids=WRONG_ERRORS)
async def test_wrong_facts_of_an_error_are_left_out(flow: Any, tmp_path: Path, error: AnswerError) -> None:
    journal = tmp_path / "journal.db"

    class Failing(Foreign):
        async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
            raise error

    options = RunOptions(model="acme:m", journal=journal, opener=lambda *_: Failing(None, None))
    result = await run_async(flow(ONE), options=options)
    assert result.status == "failed"
    assert {"text": "", "error": "empty", "in": None, "out": None} in answers(journal)
