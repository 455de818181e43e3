"""Servers that keep prompts up to their breakpoints: what flowrun asks them to keep, and what that costs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import Result, RunOptions, run_async
from support.keeping_server import Keeping, keeping

HANDBOOK = "All rules matter here. " * 1044  # about 6,000 tokens
MAP = """flow review(handbook: text, sections: [text]) {
  notes = map section in sections { ask "{{ handbook }} Review this: {{ section }}" } reduce collect OPTIONS
  return notes
}
"""


async def ran(server: Keeping, flow: str, folder: Path, model: str = "claude-sonnet-4-5", **inputs: Any) -> Result:
    path = folder / "a.flow"
    path.write_text(flow, encoding="utf-8")
    options = RunOptions(
        model=f"anthropic:{model}",
        environ={"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "k"},
        journal=inputs.pop("journal", None),
    )
    return await run_async(path, **inputs, options=options)


def sections(number: int) -> list[str]:
    return [f"section {at}" for at in range(number)]


@pytest.mark.parametrize("options", ["", "with concurrency: 1", "with concurrency: 3"])
async def test_a_handbook_is_read_in_full_at_most_twice(options: str, tmp_path: Path) -> None:
    number = 200 if not options else 20
    with keeping(seconds=0.01) as server:
        flow = MAP.replace("OPTIONS", options)
        result = await ran(server, flow, tmp_path, handbook=HANDBOOK, sections=sections(number))
        assert result.value is not None and len(result.value) == len(server.bills) == number
        assert server.full_reads(6000) <= 2
        assert server.cost < 0.2 * server.cost_without if number == 200 else 0.3 * server.cost_without


@pytest.mark.parametrize(("seconds", "thinks"), [(0.3, 0.0), (0.05, 0.5)])
async def test_the_others_go_when_the_first_begins_to_answer(seconds: float, thinks: float, tmp_path: Path) -> None:
    """They wait neither for the end of its answer nor while its model thinks."""
    with keeping(seconds=seconds) as server:
        server.thinks = thinks
        await ran(server, MAP.replace("OPTIONS", ""), tmp_path, handbook=HANDBOOK, sections=sections(10))
        assert server.full_reads(6000) == 1
        first, *others = [bill.at for bill in server.bills]
        assert first + seconds <= min(others) and max(others) < server.ends[0]


async def test_a_head_is_not_kept_for_one_call_alone(tmp_path: Path) -> None:
    with keeping(seconds=0.01) as server:
        await ran(server, MAP.replace("OPTIONS", ""), tmp_path, handbook=HANDBOOK, sections=sections(1))
        assert [bill.marked for bill in server.bills] == [False]
        await ran(server, MAP.replace("OPTIONS", ""), tmp_path, handbook="short", sections=sections(9))
        assert not any(bill.marked for bill in server.bills)
        flow, large = MAP.replace("OPTIONS", ""), HANDBOOK[:8000]
        await ran(server, flow, tmp_path, "claude-haiku-4-5", handbook=large, sections=sections(9))
        assert not any(bill.marked for bill in server.bills)


async def test_a_vote_reads_its_prompt_once(tmp_path: Path) -> None:
    vote = """flow f(d: text, n: int) {
      v = repeat 5 { ask "{{ d }} yes or no?" -> yes | no } reduce majority
      return votes(v)
    }"""
    with keeping(seconds=0.01) as server:
        await ran(server, vote, tmp_path, d=HANDBOOK, n=1)
        assert server.full_reads(6000) == 1
        assert server.cost < server.cost_without / 2


async def test_nested_blocks_keep_a_head_each(tmp_path: Path) -> None:
    flow = """flow f(book: text, parts: [text], questions: [text]) {
      all = map part in parts {
        map q in questions { ask system "{{ book }}" user "{{ part }} {{ q }}" } reduce collect
      } reduce collect
      return all
    }"""
    with keeping(seconds=0.01) as server:
        parts = [f"part {number} " + "of the law " * 600 for number in range(4)]
        await ran(server, flow, tmp_path, book=HANDBOOK, parts=parts, questions=["a", "b", "c", "d"])
        assert len(server.bills) == 16
        assert server.full_reads(6000) == 1
        stored = [bill.stored for bill in server.bills if bill.stored]
        assert len(stored) == 4, "each part is written once"
        assert server.cost < 0.35 * server.cost_without


async def test_a_failed_first_lets_another_one_go_first(tmp_path: Path) -> None:
    with keeping(seconds=0.01) as server:
        server.faults = [529]
        result = await ran(server, MAP.replace("OPTIONS", ""), tmp_path, handbook=HANDBOOK, sections=sections(12))
        assert len(result.value) == 12
        assert server.full_reads(6000) <= 2


async def test_a_server_that_refuses_breakpoints_is_asked_without(tmp_path: Path) -> None:
    with keeping(seconds=0.01) as server:
        server.refuses_marks = True
        result = await ran(server, MAP.replace("OPTIONS", ""), tmp_path, handbook=HANDBOOK, sections=sections(12))
        assert len(result.value) == 12
        assert server.cost == server.cost_without


async def test_a_server_that_forgets_at_once_is_not_paid_for_keeping(tmp_path: Path) -> None:
    with keeping(seconds=0.01) as server:
        server.forgets = True
        await ran(server, MAP.replace("OPTIONS", ""), tmp_path, handbook=HANDBOOK, sections=sections(200))
        marked = [bill.marked for bill in server.bills]
        assert len(marked) == 200
        assert sum(marked) < 80 and not any(marked[-60:])


async def test_the_switch_turns_it_off(tmp_path: Path) -> None:
    flow = MAP.replace('}}" }', '}}" with cache: false }').replace("OPTIONS", "")
    with keeping(seconds=0.01) as server:
        await ran(server, flow, tmp_path, handbook=HANDBOOK, sections=sections(5))
        assert not any(bill.marked for bill in server.bills)
        assert server.cost == server.cost_without


async def test_empty_and_blank_elements_and_none_at_all(tmp_path: Path) -> None:
    flow = MAP.replace("}} Review this: {{", "}}{{").replace("OPTIONS", "")
    with keeping(seconds=0.01) as server:
        result = await ran(server, flow, tmp_path, handbook=HANDBOOK, sections=["", " ", "\n", "a", "b", "c"])
        assert len(result.value) == 6
        assert server.cost < server.cost_without
        before = len(server.bills)
        assert (await ran(server, flow, tmp_path, handbook=HANDBOOK, sections=[])).value == []
        assert len(server.bills) == before


async def test_a_huge_handbook_is_read_once(tmp_path: Path) -> None:
    with keeping(seconds=0.05) as server:
        began = time.monotonic()
        flow = MAP.replace("OPTIONS", "")
        await ran(server, flow, tmp_path, handbook=HANDBOOK * 100, sections=sections(30))
        assert server.full_reads(600_000) == 1
        assert time.monotonic() - began < 60
