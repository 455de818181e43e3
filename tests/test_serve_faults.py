"""Servers of models that fail, behind flows that are served: losses, failures, retries, a broken client."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from flowrun.testing import FaultServer
from support.command_line import chat
from support.patience import PATIENCE
from support.served import connected, environment, serving

REFUSED = {"error": {"message": "the prompt is refused, says sk-key-of-the-tests-0123456789"}}


def text_of(result: Any) -> list[str]:
    return [one.text for one in result.content]


async def test_a_part_that_is_missing_is_told_beside_the_value(tmp_path: Path, faults: FaultServer) -> None:
    faults.json(REFUSED, status=400)
    faults.json(chat("good"))
    environ = environment(tmp_path, faults.url)
    with serving(tmp_path, environ) as server:
        status, found = await server.ask("/flows/some", {"texts": ["a", "b", "c"]})
    assert status == 200, found
    assert found["status"] == "partial" and len(found["value"]) == 2
    assert "the prompt is refused" in found["losses"][0]["reason"] and "sk-key" not in json.dumps(found)
    faults.seen.clear()
    async with connected(tmp_path, environ, journal=("--no-journal",)) as tools:
        result = await tools.client.call_tool("some", {"texts": ["a", "b", "c"]})
    assert not result.is_error and result.structured_content == {"value": ["good", "good"]}
    value, missing = text_of(result)
    assert json.loads(value) == ["good", "good"] and "1 element left out" in missing
    assert "sk-key" not in missing


async def test_a_flow_that_fails_is_a_bad_gateway(tmp_path: Path, faults: FaultServer) -> None:
    faults.json(REFUSED, status=400)
    with serving(tmp_path, environment(tmp_path, faults.url)) as server:
        status, found = await server.ask("/flows/card", {"name": "Ada"})
        assert status == 502 and found["status"] == "failed" and found["value"] is None
        assert "the prompt is refused" in found["failures"][0]["reason"] and "sk-key" not in json.dumps(found)
        # A key of a run that failed begins another one.
        runs = [await server.ask("/flows/card", {"name": "Ada"}, **{"Idempotency-Key": "k"}) for _ in range(2)]
        assert runs[0][1]["run"] != runs[1][1]["run"]


async def test_a_server_that_is_slow_down_is_tried_again(tmp_path: Path, faults: FaultServer) -> None:
    faults.json({"error": {"message": "slower"}}, status=429, Retry_After="0.1")
    faults.reset()
    faults.json(chat("at last"))
    with serving(tmp_path, environment(tmp_path, faults.url)) as server:
        status, found = await server.ask("/flows/card", {"name": "Ada"})
    assert status == 200 and found["value"] == {"name": "Ada", "said": "at last"} and found["retries"] >= 1


async def test_a_model_that_hangs_holds_up_no_other_call(tmp_path: Path, faults: FaultServer) -> None:
    faults.hang()
    faults.json(chat("quick"))
    async with connected(tmp_path, environment(tmp_path, faults.url)) as tools:
        slow = asyncio.create_task(tools.client.call_tool("card", {"name": "slow"}))
        await asyncio.wait_for(faults.arrived.wait(), PATIENCE)
        quick = await asyncio.wait_for(tools.client.call_tool("card", {"name": "quick"}), PATIENCE)
        assert quick.structured_content == {"name": "quick", "said": "quick"}
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        again = await asyncio.wait_for(tools.client.call_tool("card", {"name": "third"}), PATIENCE)
        assert not again.is_error
