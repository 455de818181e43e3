"""Runs whose replies tell their tokens by class: the bill in text, in JSON, in the budget and in the journal."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime.api import RunOptions, run_async
from support.command_line import chat, command

PRICES = "input_price: 10, output_price: 100, cached_price: 1, stored_price: 12.5, max_tokens: 50"
MODEL = f'model m = "openai:x" with {PRICES}, temperature: 0.5\n'
FLOW = 'flow f(items: [text]) { out = map x in items { ask m "Say {{ x }}" } reduce collect return out }\n'
LONG = "word " * 30


class Shop:
    """A server with a cache. Its first answer writes the prompt to the cache, and the others read it from there."""

    def __init__(self) -> None:
        self.bill = self.plain = 0.0
        self.usages: list[dict[str, Any]] = []
        self.tier = ""

    async def reply(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        prompt = body["messages"][0]["content"]
        first = not self.usages
        cached, stored = (0, 30) if first else (30, 0)
        usage = {
            "prompt_tokens": 40,
            "completion_tokens": 20,
            "total_tokens": 60,
            "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": stored},
            "completion_tokens_details": {"reasoning_tokens": 15},
        }
        if "doubtful" in prompt:
            usage = {"prompt_tokens": 40, "completion_tokens": 1, "total_tokens": 41}
        self.usages.append(usage)
        self.bill += (10 * 10 + cached * 1 + stored * 12.5 + 20 * 100) / 1e6
        self.plain += (40 * 10 + 20 * 100) / 1e6
        text = LONG if "doubtful" in prompt else f"<{prompt}>"
        return web.json_response({**chat(text), "usage": usage, "service_tier": self.tier or "default"})


@pytest.fixture
def shop(faults: Any) -> Shop:
    made = Shop()
    faults.replies.append(made.reply)
    return made


def environ(faults: Any) -> dict[str, str]:
    return {"OPENAI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": "journal.db"}


def without_end(folder: Path) -> None:
    """Take the end of the run from its journal, as if its process had been killed."""
    with closing(sqlite3.connect(folder / "journal.db")) as connection, connection:
        assert connection.execute("DELETE FROM records WHERE kind = 'end'").rowcount == 1
    # The head knows the row that is taken away.
    (folder / "journal.db.head").unlink()


ITEMS = json.dumps(["a", "b", "c", "d"])


async def test_the_bill_is_by_class_in_json_and_in_the_closing_line(
    shop: Shop, faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    flow(MODEL.replace(", temp", ", concurrency: 1, temp") + FLOW)
    ran = await command("a.flow", "--items", ITEMS, "--budget", "$1", "--json", folder=tmp_path, **environ(faults))
    report = json.loads(ran.out)
    assert report["tokens"] == {
        "input": 160,
        "output": 80,
        "uncounted": 0,
        "cached": 90,
        "stored": 30,
        "reasoning": 60,
    }
    assert report["cost"] == report["budget_spent"] == pytest.approx(shop.bill)
    assert report["cache_saved"] == pytest.approx(shop.plain - shop.bill)
    closing = ran.err.splitlines()[-1]
    assert " · 160 tokens in (90 cached, $0.000735 saved), 80 out · $" in closing


async def test_the_journal_of_a_killed_run_gives_the_same_figures(
    shop: Shop, faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    flow(MODEL.replace(", temp", ", concurrency: 1, temp") + FLOW)
    ran = await command("a.flow", "--items", ITEMS, "--budget", "$1", "--json", folder=tmp_path, **environ(faults))
    report = json.loads(ran.out)

    async def listed() -> dict[str, Any]:
        told = await command("runs", "--json", folder=tmp_path, **environ(faults))
        [row] = json.loads(told.out)["runs"]
        assert isinstance(row, dict)
        return row

    ended = await listed()
    without_end(tmp_path)
    killed = await listed()
    for row in (ended, killed):
        assert (row["cost"], row["tokens"]) == (pytest.approx(report["cost"]), report["tokens"])
        assert row["cache_saved"] == pytest.approx(report["cache_saved"])
    done = await command("resume", "last", "--budget", "$1", "--json", folder=tmp_path, **environ(faults))
    assert done.out, done.err
    again = json.loads(done.out)
    assert again["recalled"] == 4 and len(shop.usages) == 4
    assert (again["cost"], again["tokens"]) == (pytest.approx(report["cost"]), report["tokens"])
    assert again["budget_spent"] == pytest.approx(report["budget_spent"])


async def test_show_tells_the_classes_and_the_cost_of_a_call(
    shop: Shop, faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    shop.tier = "priority"
    flow(MODEL.replace(", temp", ", concurrency: 1, temp") + FLOW)
    await command("a.flow", "--items", '["a", "b"]', folder=tmp_path, **environ(faults))
    told = await command("show", "last", "out[0]", folder=tmp_path, **environ(faults))
    assert "40 read (30 written to the cache), 20 written (15 reasoning); service tier priority" in told.out
    told = await command("show", "last", "--json", folder=tmp_path, **environ(faults))
    [first, second] = [call["answers"][0] for call in json.loads(told.out)["calls"]]
    assert first["tier"] == "priority"
    assert (first["tokens"]["stored"], second["tokens"]["cached"]) == (30, 30)
    assert first["cost"] + second["cost"] == pytest.approx(shop.bill)


async def test_a_usage_that_cannot_be_true_is_marked_and_counts_at_its_worst(
    shop: Shop, faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    flow(MODEL + FLOW)
    words = ("a.flow", "--items", '["doubtful"]', "--budget", "$1")
    ran = await command(*words, "--json", folder=tmp_path, **environ(faults))
    report = json.loads(ran.out)
    assert report["tokens"] == {"input": 40, "output": 1, "uncounted": 0, "doubtful": 1}
    assert report["cost"] == pytest.approx((40 * 10 + 100) / 1e6)
    assert report["budget_spent"] == pytest.approx(report["unbilled"])
    assert report["budget_spent"] >= (40 * 10 + 50 * 100) / 1e6
    assert "1 call (1 with doubtful tokens)" in ran.err
    assert "1 answer came with numbers of tokens that cannot be true" in ran.err
    told = await command("show", "last", "out[0]", folder=tmp_path, **environ(faults))
    assert "40 read, 1 written; doubtful: fewer tokens than its answer has" in told.out
    without_end(tmp_path)
    runs = await command("runs", "--json", folder=tmp_path, **environ(faults))
    [row] = json.loads(runs.out)["runs"]
    assert (row["tokens"], row["unbilled"]) == (report["tokens"], pytest.approx(report["unbilled"]))


async def test_python_gets_the_special_tokens(shop: Shop, faults: Any, flow: Callable[[str], Path]) -> None:
    path = flow(MODEL.replace(", temp", ", concurrency: 1, temp") + FLOW)
    options = RunOptions(environ={"OPENAI_BASE_URL": faults.url}, journal=None)
    result = await run_async(path, items=["a", "b"], options=options)
    assert result.cost == pytest.approx(shop.bill)
    detail = result.usage.detail
    assert detail is not None and (detail.cached, detail.stored, detail.reasoning) == (30, 30, 30)
