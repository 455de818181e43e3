"""Budgets of called flows over a resume: a flow's past counts once, for itself and for the flows around it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.costs.written_budget import Budget
from support.command_line import chat
from support.few_cases import some

MODEL = 'model m = "openai:x" with input_price: 10, output_price: 100, max_tokens: 20\n'
NESTED = """
flow inner(x: text) budget {inner} {{
  one = ask m "First {{{{ x }}}}"
  two = ask m "Second {{{{ one }}}}"
  three = ask m "Third {{{{ two }}}}"
  return three
}}
flow outer(x: text) budget {outer} {{
  y = inner(x)
  return y
}}
flow f(items: [text]) {{
  out = map x in items {{ outer(x) }} reduce collect with errors: skip
  return out
}}
"""
ITEMS = ["a", "b", "c"]


class Shop:
    """Answers each prompt with its last word, and refuses the first request of all if it is told to."""

    def __init__(self, *, busy: bool = False) -> None:
        self.busy = busy
        self.answered: list[str] = []

    async def reply(self, request: web.Request) -> web.StreamResponse:
        if self.busy:
            self.busy = False
            return web.json_response({"error": {"message": "busy"}}, status=503)
        prompt = (await request.json())["messages"][0]["content"]
        self.answered.append(prompt)
        await asyncio.sleep(0.01)
        return web.json_response(chat(prompt.split()[-1]))

    @property
    def first_words(self) -> list[str]:
        return sorted(prompt.split()[0] for prompt in self.answered)


@pytest.mark.parametrize(
    ("inner", "outer", "calls", "busy"),
    some(
        [
            (*limits, busy)
            for busy in (False, True)
            for limits in (
                ("3 calls", "9 calls", 3),
                ("9 calls", "3 calls", 3),
                # The bill of a call is $0.00019, and it is reserved at about $0.0024.
                ("$0.0028", "$1", 3),
                ("$1", "$0.0028", 3),
                ("$0.0027", "$1", 2),
                ("$1", "$0.0027", 2),
            )
        ],
        5,
    ),
)
async def test_a_called_flow_has_left_what_it_did_not_spend(
    inner: str, outer: str, calls: int, busy: bool, faults: Any, tmp_path: Path
) -> None:
    shop = Shop(busy=busy)
    faults.replies.append(shop.reply)
    path, journal = tmp_path / "a.flow", tmp_path / "journal.db"
    path.write_text(MODEL + NESTED.format(inner=inner, outer=outer))
    environ = {"OPENAI_BASE_URL": faults.url}
    # The run's own budget stops it in the middle, three times.
    result = await run_async(
        path, {"items": ITEMS}, options=RunOptions(environ=environ, journal=journal, budget=Budget(3))
    )
    for limit in (5, 8, 30):
        result = await resume_async("last", journal, options=RunOptions(environ=environ, budget=Budget(limit)))
    words = ["First", "Second", "Third"][:calls]
    assert shop.first_words == sorted(words * len(ITEMS))
    assert result.value == (ITEMS if calls == 3 else [])
