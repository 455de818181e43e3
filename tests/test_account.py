"""One account of a run: the same in text, in JSON, in the budget, and in the list of runs."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.dispatch.batch import part_of
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.vocabulary.account import Account, Ceiling, Use
from flowrun.runtime.vocabulary.amounts import ceiling_text
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import AnswerError, UsageError
from flowrun.runtime.vocabulary.usage import Price, Usage
from support.command_line import chat, command

MODEL = 'model m = "openai:x" with input_price: 10, output_price: 100, max_tokens: 20, temperature: 0.5\n'
FLAT = 'flow f(items: [text]) {{ out = map x in items {{ ask m "Say {{{{ x }}}}" }} reduce collect{} return out }}\n'
RACE = """flow f(x: text) {
  a = fanout { fast = ask m "fast {{ x }}" slow = ask m "slow {{ x }}" other = ask m "slow too {{ x }}" } reduce first
  return a
}
"""
VOTE = """flow f(x: text) {
  v = repeat 3..6 { ask m "{{ x }}" -> A | B | C } reduce majority with launch: latency
  return v
}
"""


class Shop:
    """Answers by the prompt, and keeps the bill: 7 tokens in and 3 out for each answer."""

    def __init__(self) -> None:
        self.answers = 0
        self.requests = 0

    async def reply(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        prompt = body["messages"][0]["content"]
        self.requests += 1
        count = body.get("n", 1)
        self.answers += count
        if "slow" in prompt:
            await asyncio.sleep(0.5)
        text = json.dumps({"answer": "A"}) if "response_format" in body else f"<{prompt}>"
        usage = {"prompt_tokens": 7 * count, "completion_tokens": 3 * count}
        return web.json_response({**chat(*[text] * count), "usage": usage})

    @property
    def dollars(self) -> float:
        return self.answers * (7 * 10 + 3 * 100) / 1e6


@pytest.fixture
def shop(faults: Any) -> Shop:
    made = Shop()
    faults.replies.append(made.reply)
    return made


def environ(faults: Any) -> dict[str, str]:
    return {"OPENAI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": "journal.db"}


async def listed(folder: Path, faults: Any) -> list[dict[str, Any]]:
    ran = await command("runs", "--json", folder=folder, **environ(faults))
    rows: list[dict[str, Any]] = json.loads(ran.out)["runs"]
    return rows


async def test_a_run_costs_what_all_its_stretches_cost(
    shop: Shop, faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    flow(MODEL + FLAT.format("").replace("{ out", "budget 4 calls { out", 1))
    items = json.dumps([f"thing {number}" for number in range(9)])
    first = await command("a.flow", "--items", items, "--json", folder=tmp_path, **environ(faults))
    assert (first.code, shop.answers) == (4, 4)
    report = json.loads(first.out)
    assert (report["calls"], report["requests"], report["cost"]) == (4, 4, pytest.approx(shop.dollars))
    assert [run["cost"] for run in await listed(tmp_path, faults)] == [pytest.approx(shop.dollars)]
    second = await command("resume", "last", "--budget", "7 calls", "--json", folder=tmp_path, **environ(faults))
    assert shop.answers == 7
    report = json.loads(second.out)
    assert (report["calls"], report["sent"], report["recalled"]) == (7, 7, 4)
    assert report["cost"] == pytest.approx(shop.dollars)
    assert report["tokens"] == {"input": 7 * 7, "output": 3 * 7, "uncounted": 0}
    for _ in range(2):
        # Going on with a run that is done costs nothing, and takes nothing off its account.
        done = await command("resume", "last", "--budget", "20 calls, $1", folder=tmp_path, **environ(faults))
        assert (done.code, shop.answers) == (0, 9)
        assert f"${shop.dollars:.4f}" in done.err.splitlines()[-1]
        assert done.err.splitlines()[-1].startswith("9 calls (")
        [run] = await listed(tmp_path, faults)
        assert (run["cost"], run["sent"], run["answered"]) == (pytest.approx(shop.dollars), 9, 9)
    text = await command("runs", folder=tmp_path, **environ(faults))
    assert text.out.splitlines()[-1].endswith(f" 9  ${shop.dollars:.5f}")


@pytest.mark.parametrize("text", [RACE, VOTE], ids=["first", "latency"])
async def test_what_is_broken_off_is_on_the_bill_with_its_bound(
    text: str, shop: Shop, faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    flow(MODEL + text)
    words = ("a.flow", "--x", "a")
    ran = await command(*words, "--budget", "$1", "--json", folder=tmp_path, **environ(faults))
    report = json.loads(ran.out)
    assert report["requests"] == shop.requests
    assert report["sent"] == report["answered"] + report["broken_off"] == shop.answers
    assert report["budget_spent"] == pytest.approx(report["cost"] + report["unbilled"])
    assert report["budget_spent"] >= shop.dollars * (1 - 1e-9)
    if text is RACE:
        assert report["broken_off"] == 2
        assert report["unbilled"] > 0
        told = await command(*words, "--fresh", folder=tmp_path, **environ(faults))
        closing = told.err.splitlines()[-1]
        assert "1 call in 3 requests (2 cancelled" in closing
        assert f"at most {ceiling_text(report['budget_spent'])}" in closing
    [run, *_] = await listed(tmp_path, faults)
    for name in (
        "requests",
        "sent",
        "answered",
        "spoilt",
        "refused",
        "broken_off",
        "cancelled",
        "cost",
        "unbilled",
        "tokens",
    ):
        assert run[name] == pytest.approx(report[name]), name


USAGE = {"prompt_tokens": 7, "completion_tokens": 3}
SPOILT: dict[str, bytes] = {
    "no choices": json.dumps({"choices": [], "usage": USAGE}).encode(),
    "an empty answer": json.dumps({**chat(""), "usage": USAGE}).encode(),
    "cut": b'{"choices": [{"message": {"content": "hal',
    "not UTF-8": b'{"choices": [{"message": {"content": "\xff\xfe"}}]}',
    "no object": b"[1, 2]",
    "a page": b"<html>busy</html>",
}


@pytest.mark.parametrize("kind", SPOILT)
async def test_what_is_paid_and_spoilt_is_on_the_bill(
    kind: str, faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    billed = b"usage" in SPOILT[kind]
    faults.raw(SPOILT[kind])
    faults.json({**chat("fine"), "usage": USAGE})
    flow(MODEL + 'flow f() { a = ask m "hi" return a }\n')
    ran = await command("a.flow", "--budget", "$1", "--json", folder=tmp_path, **environ(faults))
    report = json.loads(ran.out)
    assert report["value"] == "fine"
    assert (report["requests"], report["sent"], report["answered"], report["spoilt"]) == (2, 2, 1, 1)
    paid = 2 if billed else 1
    assert report["tokens"] == {"input": 7 * paid, "output": 3 * paid, "uncounted": 2 - paid}
    assert report["cost"] == pytest.approx(paid * 370e-6)
    assert (report["unbilled"] > 0) is not billed
    assert report["budget_spent"] == pytest.approx(report["cost"] + report["unbilled"])
    [run] = await listed(tmp_path, faults)
    assert run["unbilled"] == pytest.approx(report["unbilled"])
    again = await command("a.flow", folder=tmp_path, **environ(faults))
    assert "$" not in again.err.splitlines()[-1]


async def test_the_cost_of_a_run_that_nobody_saw_end_is_folded_from_its_rows(
    shop: Shop, faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    """As after a kill: the row of its end is missing. The flow's own prices count."""
    flow(MODEL + RACE)
    await command("a.flow", "--x", "a", "--budget", "$1", folder=tmp_path, **environ(faults))
    [ended] = await listed(tmp_path, faults)
    with sqlite3.connect(tmp_path / "journal.db") as journal:
        journal.execute("DELETE FROM records WHERE kind = 'end'")
    journal.close()
    (tmp_path / "journal.db.head").unlink()
    [killed] = await listed(tmp_path, faults)
    assert (ended["status"], killed["status"]) == ("done", "killed")
    for name in ("requests", "sent", "answered", "broken_off", "models"):
        assert killed[name] == ended[name]
    assert killed["cost"] == pytest.approx(ended["cost"])
    assert killed["unbilled"] == pytest.approx(ended["unbilled"])


@pytest.mark.parametrize("error", ["overloaded_error", "invalid_request_error", "insufficient_quota", "of no kind"])
async def test_an_error_in_the_midst_of_a_stream_counts_at_its_worst(
    error: str, faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    """It may be billed, whatever the event calls itself."""
    chunk = {"choices": [{"index": 0, "delta": {"content": "The ans"}}]}
    failed = {"error": {"type": error, "message": "sorry"}}
    body = "".join(f"data: {json.dumps(one)}\n\n" for one in (chunk, failed)).encode()
    faults.raw(body, kind="text/event-stream")
    path, journal = (
        flow(MODEL + 'flow f() { a = ask m "hi" with stream: true, retries: 0 return a }\n'),
        tmp_path / "j.db",
    )
    given = {"OPENAI_BASE_URL": faults.url}
    ran = await run_async(path, options=RunOptions(environ=given, journal=journal, budget=Budget(None, 1.0)))
    assert ran.status == "failed"
    worst = ran.spent
    assert worst > 20 * 100e-6
    assert (ran.summary.whole.broken_off, ran.summary.whole.refused) == (1, 0)
    again = await resume_async("last", journal, options=RunOptions(environ=given))
    assert again.spent == pytest.approx(2 * worst)
    none = await resume_async("last", journal, options=RunOptions(environ=given, budget=Budget(None, 2.5 * worst)))
    assert none.status == "budget"
    assert len(faults.seen) == 2


async def test_a_budget_that_is_set_below_what_is_spent_sends_nothing(
    shop: Shop, faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    path, journal = flow(MODEL + FLAT.format("")), tmp_path / "j.db"
    given = {"OPENAI_BASE_URL": faults.url}
    items = [f"thing {number}" for number in range(8)]
    first = await run_async(
        path, {"items": items}, options=RunOptions(environ=given, journal=journal, budget=Budget(5))
    )
    assert (first.status, shop.answers) == ("budget", 5)
    for lower in (Budget(3), Budget(5), Budget(None, 0.0001), Budget(None, shop.dollars)):
        again = await resume_async("last", journal, options=RunOptions(environ=given, budget=lower))
        assert (again.status, shop.answers) == ("budget", 5)
    # The calls that a budget has left are counted for all elements together, not for each as it comes.
    more = await resume_async("last", journal, options=RunOptions(environ=given, budget=Budget(6)))
    assert (more.status, shop.answers) == ("budget", 6)


async def test_answers_of_other_runs_are_not_of_this_runs_bill(
    shop: Shop, faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    path, journal = flow(MODEL + FLAT.format("")), tmp_path / "j.db"
    given = {"OPENAI_BASE_URL": faults.url}
    await run_async(path, {"items": ["a", "b", "c", "d"]}, options=RunOptions(environ=given, journal=journal))
    two = Budget(2, 1.0)
    second = await run_async(
        path, {"items": ["a", "b", "c", "d", "e"]}, options=RunOptions(environ=given, journal=journal, budget=two)
    )
    assert second.ok
    assert second.spent == pytest.approx(370e-6)
    again = await resume_async("last", journal, options=RunOptions(environ=given))
    assert again.ok
    assert again.spent == pytest.approx(370e-6)


async def test_the_past_of_a_run_that_cannot_be_priced_is_refused(
    faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    """A doubt without a greatest length may have cost anything: no budget in money holds that."""
    faults.json({"error": {"message": "boom"}}, 500)
    text = MODEL.replace(", max_tokens: 20", "") + 'flow f() { a = ask m "hi" with retries: 0 return a }\n'
    path, journal = flow(text), tmp_path / "j.db"
    given = {"OPENAI_BASE_URL": faults.url}
    await run_async(path, options=RunOptions(environ=given, journal=journal))
    with pytest.raises(UsageError, match="resume with a budget of calls"):
        await resume_async("last", journal, options=RunOptions(environ=given, budget=Budget(None, 1.0)))
    assert len(faults.seen) == 1
    await resume_async("last", journal, options=RunOptions(environ=given, budget=Budget(9)))
    assert len(faults.seen) == 2


def test_the_parts_of_a_bill_are_the_bill() -> None:
    for tokens in (0, 1, 5, 7, 100):
        for samples in (1, 2, 3, 8):
            parts = Usage(tokens, None).parts(samples)
            assert len(parts) == samples
            assert sum(part.input_tokens or 0 for part in parts) == tokens
            assert {part.output_tokens for part in parts} == {None}


def test_the_bound_of_calls_without_a_bill_is_the_sum_of_their_worst_cases() -> None:
    price = Price(2.0, 3.0, sent=100)
    use = Use()
    use.launch(2, Ceiling(10, 5))
    use.launch(1, Ceiling(7))
    assert use.unbilled.cost(price) == 2 * (20 + 15) + (14 + 300)
    assert use.unbilled.cost(Price(2.0, 3.0)) is None
    use.refuse(1, Ceiling(7))
    assert use.unbilled.cost(Price(2.0, 3.0)) == 70
    use.pay(Usage(1, 1), Ceiling(10, 5), price)
    assert (use.unbilled.cost(price), use.charged) == (35, 5)
    # A bill beyond the worst case is not believed.
    use.pay(Usage(1000, 5), Ceiling(10, 5), price)
    assert (use.unbilled.cost(price), use.charged) == (0, 40)
    assert (Account(models={"m": use}) + Account(models={"m": use})).use("m").charged == 80


def test_each_call_of_a_spoilt_request_has_its_part_of_the_bill() -> None:
    calls = tuple(Call(number, "a", "m", Request(())) for number in range(3))
    parts = [part_of(AnswerError("no", usage=Usage(10, 7)), calls, call) for call in calls]
    assert [part.usage for part in parts if isinstance(part, AnswerError)] == [Usage(4, 3), Usage(3, 2), Usage(3, 2)]
