"""What a run may spend, held against a real server and across the runs of a journal."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.costs.written_budget import Budget, read_budget
from flowrun.runtime.vocabulary.errors import UsageError

Usage = dict[str, Any] | None
MODEL = (
    'model m = "openai:x" with input_price: 10, output_price: 100, concurrency: 1000, max_tokens: 50, temperature: 0.5'
)
MANY = """
flow many(n: int) budget {budget} {{
  xs = ask m "list" -> [int]
  answers = map x in xs at most 3000 {{ ask m "Say {{{{ x }}}}" }} reduce collect with errors: skip
  return answers
}}
"""
ELEMENTS = 1500


class Shop:
    """Bills every answer by tokens of its own count, and says of them what it likes."""

    def __init__(self, say: Callable[[int, int], Usage]) -> None:
        self.say = say
        self.dice = random.Random(5)
        self.calls = 0
        self.dollars = 0.0
        self.flying = self.most = 0

    async def reply(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.calls += 1
        self.flying += 1
        self.most = max(self.most, self.flying)
        # Never more than one token for a byte of the prompt, nor more than were allowed.
        read = len(json.dumps(body["messages"]).encode())
        written = self.dice.randint(0, body["max_tokens"])
        self.dollars += (read * 10 + written * 100) / 1e6
        self.flying -= 1
        said = self.say(read, written)
        content = "fine"
        if "response_format" in body:
            content = json.dumps({"answer": list(range(ELEMENTS))})
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], **({} if said is None else {"usage": said})})


SAYINGS: dict[str, Callable[[int, int], Usage]] = {
    "honest": lambda read, written: {"prompt_tokens": read, "completion_tokens": written},
    "nothing": lambda read, written: None,
    "half": lambda read, written: {"prompt_tokens": read},
    "negative": lambda read, written: {"prompt_tokens": -read, "completion_tokens": -(10**9)},
    "huge": lambda read, written: {"prompt_tokens": 10**12, "completion_tokens": 10**15},
    "words": lambda read, written: {"prompt_tokens": "many", "completion_tokens": None},
}


@pytest.mark.parametrize("saying", SAYINGS)
async def test_no_money_is_overspent_at_a_thousand_at_once(saying: str, faults: Any, tmp_path: Path) -> None:
    shop = Shop(SAYINGS[saying])
    faults.replies.append(shop.reply)
    path = tmp_path / "a.flow"
    path.write_text(MODEL + MANY.format(budget="$0.50"))
    environ = {"OPENAI_BASE_URL": faults.url}
    result = await run_async(path, {"n": 1}, options=RunOptions(environ=environ))
    assert 0 < shop.dollars <= 0.50
    assert result.spent <= 0.50 + 1e-9
    assert shop.calls < ELEMENTS
    assert result.status in ("partial", "budget")
    if saying == "honest":
        # What is settled is spent again: most of the money is used.
        assert shop.dollars > 0.45


async def test_no_call_is_made_beyond_the_number_allowed(faults: Any, tmp_path: Path) -> None:
    shop = Shop(SAYINGS["nothing"])
    faults.replies.append(shop.reply)
    path = tmp_path / "a.flow"
    path.write_text(MODEL + MANY.format(budget="700 calls"))
    result = await run_async(path, {"n": 1}, options=RunOptions(environ={"OPENAI_BASE_URL": faults.url}))
    assert shop.calls == 700
    assert len(result.value) == 699
    assert len(result.outcome.losses) == ELEMENTS - 699


FEW = """
flow few(xs: [text]) budget 5 calls {
  first = ask m "First?"
  rest = map x in xs { ask m "Say {{ x }}" } reduce collect
  return { first, rest }
}
"""


async def test_a_budget_is_kept_across_resumes_and_may_be_raised(faults: Any, tmp_path: Path) -> None:
    shop = Shop(SAYINGS["nothing"])
    faults.replies.append(shop.reply)
    path, journal = tmp_path / "a.flow", tmp_path / "journal.db"
    path.write_text(MODEL + FEW)
    environ = {"OPENAI_BASE_URL": faults.url}
    xs = [f"thing {n}" for n in range(10)]
    result = await run_async(path, {"xs": xs}, options=RunOptions(environ=environ, journal=journal))
    assert shop.calls == 5
    assert result.status == "budget"
    assert result.value is None
    # What was done when the money ran out is shown.
    assert result.outcome.steps["first"] == "fine"
    again = await resume_async("last", journal, options=RunOptions(environ=environ))
    assert again.status == "budget"
    assert shop.calls == 5
    more = await resume_async("last", journal, options=RunOptions(environ=environ, budget=Budget(8, None)))
    assert more.status == "budget"
    assert shop.calls == 8
    enough = await resume_async("last", journal, options=RunOptions(environ=environ, budget=Budget(11, None)))
    assert enough.ok
    assert shop.calls == 11
    assert enough.value == {"first": "fine", "rest": ["fine"] * 10}


async def test_money_is_kept_across_resumes(faults: Any, tmp_path: Path) -> None:
    shop = Shop(SAYINGS["honest"])
    faults.replies.append(shop.reply)
    path, journal = tmp_path / "a.flow", tmp_path / "journal.db"
    path.write_text(MODEL + FEW.replace("5 calls", "$0.02"))
    environ = {"OPENAI_BASE_URL": faults.url}
    xs = [f"thing {n}" for n in range(30)]
    result = await run_async(path, {"xs": xs}, options=RunOptions(environ=environ, journal=journal))
    assert result.status == "budget"
    spent = shop.dollars
    assert 0 < spent <= 0.02
    for _ in range(3):
        again = await resume_async("last", journal, options=RunOptions(environ=environ))
        assert again.status == "budget"
        assert again.spent <= 0.02
        assert shop.dollars <= 0.02
    enough = await resume_async("last", journal, options=RunOptions(environ=environ, budget=Budget(None, 1.0)))
    assert enough.ok
    assert enough.spent == pytest.approx(shop.dollars, rel=1e-3)


async def test_answers_of_another_run_cost_nothing(faults: Any, tmp_path: Path) -> None:
    shop = Shop(SAYINGS["honest"])
    faults.replies.append(shop.reply)
    path, journal = tmp_path / "a.flow", tmp_path / "journal.db"
    path.write_text(MODEL + FEW.replace("5 calls", "100 calls"))
    environ = {"OPENAI_BASE_URL": faults.url}
    for count in (4, 8, 12):
        xs = [f"thing {n}" for n in range(count)]
        result = await run_async(path, {"xs": xs}, options=RunOptions(environ=environ, journal=journal))
        assert result.ok
    assert shop.calls == 13
    assert result.summary.recalled == 9


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("$2.50, 400 calls", Budget(400, 2.5)),
        ("400 calls, $2.50", Budget(400, 2.5)),
        ("$0.5", Budget(None, 0.5)),
        ("$.5", Budget(None, 0.5)),
        ("1 call", Budget(1, None)),
        ("1,000 calls", Budget(1000, None)),
        ("$2.50,400 calls", Budget(400, 2.5)),
        ("400 calls,$2.50", Budget(400, 2.5)),
        ("$0", None),
        ("0 calls", None),
        ("$nan", None),
        ("$1e9", None),
        ("-1 calls", None),
        ("", None),
        ("$1, $2", None),
        ("5 euros", None),
    ],
)
def test_a_budget_on_the_line(text: str, budget: Budget | None) -> None:
    if budget is not None:
        assert read_budget(text) == budget
        return
    with pytest.raises(UsageError, match="budget"):
        read_budget(text)
