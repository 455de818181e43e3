"""Calls without a number of tokens: a line tells of them, and a budget counts their highest cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.command_line import chat, command

FLOW = """
model m = "openai:m" with input_price: 10, output_price: 100, max_tokens: 50, concurrency: 1
flow f() {
  a = ask m "One."
  b = ask m "Two. {{ a }}"
  return b
}
"""


async def test_calls_without_tokens_beside_others_are_told(faults: Any, tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text(FLOW)
    silent = {key: value for key, value in chat("two").items() if key != "usage"}
    environ = {"OPENAI_API_KEY": "key", "OPENAI_BASE_URL": f"{faults.url}/v1", "FLOWRUN_ALLOW_HOST": "127.0.0.1"}
    for reply in (chat("one"), silent):
        faults.json(reply)
    ran = await command("a.flow", folder=tmp_path, **environ)
    assert "2 calls (1 with uncounted tokens)" in ran.err
    assert "9 tokens in, 1 out" in ran.err
    for _ in range(2):
        faults.json(silent)
    ran = await command("a.flow", "--fresh", folder=tmp_path, **environ)
    assert "uncounted" not in ran.err


async def test_a_budget_counts_a_prompt_of_no_tokens_at_its_worst(faults: Any, tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text(FLOW)
    environ = {"OPENAI_API_KEY": "key", "OPENAI_BASE_URL": f"{faults.url}/v1", "FLOWRUN_ALLOW_HOST": "127.0.0.1"}
    for word in ("one", "two"):
        faults.json(chat(word) | {"usage": {"prompt_tokens": 0, "completion_tokens": 0}})
    ran = await command("a.flow", "--budget", "$1", "--json", folder=tmp_path, **environ)
    report = json.loads(ran.out)
    assert report["tokens"] == {"input": 0, "output": 0, "uncounted": 0, "doubtful": 2}
    assert report["budget_spent"] == pytest.approx(report["unbilled"])
    assert report["budget_spent"] > 2 * 50 * 100 / 1e6
