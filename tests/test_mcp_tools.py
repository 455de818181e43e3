"""`flowrun mcp` as the SDK's own client drives it over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from support.model_server import Served, model_server
from support.patience import PATIENCE, still, until
from support.served import START, connected, environment, flowrun


@pytest.fixture
def models(tmp_path: Path) -> Any:
    with model_server(tmp_path / "log") as found:
        yield found


@pytest.fixture
def environ(tmp_path: Path, models: Served) -> dict[str, str]:
    return environment(tmp_path, models.url)


def text_of(result: Any) -> str:
    return "\n".join(one.text for one in result.content)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_each_flow_is_a_typed_tool(tmp_path: Path, environ: dict[str, str], mode: str) -> None:
    async with connected(tmp_path, environ, mode=mode) as tools:
        found = {one.name: one for one in (await tools.client.list_tools()).tools}
    assert list(found) == ["is_spam", "each", "some", "card"]
    spam = found["is_spam"]
    assert spam.description is not None
    assert spam.description.startswith("Judges whether an email is spam,\nby three votes.")
    assert "2 to 3 calls without server failures" in spam.description
    assert "the budget of a call is 9 calls" in spam.description
    assert spam.input_schema["required"] == ["email"]
    assert spam.input_schema["properties"]["email"] == {"type": "string", "description": "The text of the email."}
    assert spam.input_schema["properties"]["tone"] == {
        "type": "string",
        "enum": ["kind", "strict"],
        "default": "strict",
        "description": "how strict",
    }
    assert spam.output_schema == {
        "type": "object",
        "properties": {"value": {"type": "string", "enum": ["SPAM", "NOT"]}},
        "required": ["value"],
        "additionalProperties": False,
    }
    assert found["card"].output_schema is not None
    assert set(found["card"].output_schema["properties"]) == {"name", "said"}
    assert spam.annotations is not None
    assert spam.annotations.read_only_hint and spam.annotations.open_world_hint


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_call_returns_the_value_as_text_and_as_data(
    tmp_path: Path, environ: dict[str, str], models: Served, mode: str
) -> None:
    async with connected(tmp_path, environ, mode=mode) as tools:
        told: list[tuple[float, float | None, str | None]] = []

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            told.append((progress, total, message))

        card = await tools.client.call_tool("card", {"name": "Ada"})
        spam = await tools.client.call_tool("is_spam", {"email": "You won"}, progress_callback=hear)
        again = await tools.client.call_tool("is_spam", {"email": "You won"})
    assert card.structured_content["name"] == "Ada" and not card.is_error
    assert json.loads(text_of(card)) == card.structured_content
    assert spam.structured_content == again.structured_content == {"value": text_of(spam)}
    assert again.meta is not None and spam.meta is not None
    assert spam.meta["flowrun/calls"] in (2, 3) and again.meta["flowrun/calls"] == 0
    assert again.meta["flowrun/recalled"] in (2, 3)
    assert told and "of at most 3" in str(told[-1][2])
    assert told == sorted(told, key=lambda one: one[0])


async def test_concurrent_calls_share_one_journal(tmp_path: Path, environ: dict[str, str], models: Served) -> None:
    async with connected(tmp_path, environ) as tools:
        calls = [tools.client.call_tool("each", {"texts": [f"{at} {one}" for one in range(5)]}) for at in range(12)]
        found = await asyncio.gather(*calls)
    assert [len(one.structured_content["value"]) for one in found] == [5] * 12
    assert len({value for one in found for value in one.structured_content["value"]}) == 60
    assert models.answers() == 60
    shown = flowrun(tmp_path, environ, "runs", "--journal", "j.db", "--json")
    assert len(json.loads(shown.stdout)["runs"]) == 12


async def test_errors_are_sentences_of_the_command(tmp_path: Path, environ: dict[str, str]) -> None:
    async with connected(tmp_path, environ, "--budget", "1 call") as tools:
        wrong = await tools.client.call_tool("is_spam", {"email": 3})
        missing = await tools.client.call_tool("is_spam", {})
        small = await tools.client.call_tool("is_spam", {"email": "x"})
        spent = await tools.client.call_tool("each", {"texts": ["a", "b", "c"]})
        with pytest.raises(MCPError, match="did you mean `is_spam`"):
            await tools.client.call_tool("is_span", {})
    assert wrong.is_error and "`email`: expected text, found the number 3" in text_of(wrong)
    assert missing.is_error and "needs `email`" in text_of(missing)
    assert small.is_error and "makes at least 2 calls" in text_of(small)
    assert spent.is_error and "budget of 1 call" in text_of(spent)
    assert "resume the run with: flowrun resume" in text_of(spent)


async def test_a_failed_call_tells_why_and_how_to_go_on(tmp_path: Path, faults: Any) -> None:
    faults.json({"error": {"message": "no such model"}}, status=404)
    environ = environment(tmp_path, faults.url)
    async with connected(tmp_path, environ) as tools:
        found = await tools.client.call_tool("card", {"name": "Ada"})
    assert found.is_error and "no such model" in text_of(found)
    assert "said" in text_of(found)
    assert "sk-key" not in text_of(found)


async def test_cancel_sends_nothing_more_and_keeps_what_is_paid(tmp_path: Path) -> None:
    texts = [f"text {at}" for at in range(200)]
    with model_server(tmp_path / "log", seconds=0.15) as models:
        models.hold(8)
        async with connected(tmp_path, environment(tmp_path, models.url)) as tools:
            call = asyncio.create_task(tools.client.call_tool("each", {"texts": texts}))
            await until(lambda: models.asked() >= 8)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.sleep(0.3)
            models.go_on()
            assert await still(models.asked) < 150
            again = await tools.client.call_tool("each", {"texts": texts})
        assert len(again.structured_content["value"]) == 200
        assert models.answers() == 200
        assert max(models.billed_keys().values()) == 1


async def test_a_killed_server_pays_nothing_twice(tmp_path: Path) -> None:
    texts = [f"text {at}" for at in range(120)]
    with model_server(tmp_path / "log", seconds=0.1) as models:
        environ = environment(tmp_path, models.url)
        models.hold(20)
        async with connected(tmp_path, environ) as tools:
            call = asyncio.create_task(tools.client.call_tool("each", {"texts": texts}))
            await until(lambda: models.answers() >= 20)
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
            with pytest.raises(MCPError):
                await call
        models.go_on()
        before = await still(models.asked)
        assert 20 <= before < 120
        async with connected(tmp_path, environ) as tools:
            again = await tools.client.call_tool("each", {"texts": texts})
        assert len(again.structured_content["value"]) == 120
        # The requests under way at the kill are in doubt, and asked again. Nothing else is.
        assert again.meta is not None
        kept = again.meta["flowrun/recalled"]
        assert 0 < kept <= before
        assert again.meta["flowrun/calls"] == models.asked() - before == 120 - kept


async def test_nothing_but_the_protocol_is_on_standard_output(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "a.flow").write_text('flow f() {\n  x = ask "hi"\n  return x\n}\n')
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
    }
    lines = ["{broken", "[]", json.dumps(hello), '{"jsonrpc":"2.0","id":2,"method":"nope"}', "x" * 2**20]
    lines.append(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))
    words = ["mcp", "a.flow", "--model", "openai:gpt-4o-mini"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", START, *words), cwd=tmp_path, env=environ, stdin=-1, stdout=-1, stderr=-1
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("\n".join([*lines, ""]).encode())
    answers: list[Any] = []
    while not {one.get("id") for one in answers} >= {1, 2}:
        answers.append(json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE)))
    process.stdin.close()
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    answers += map(json.loads, out.splitlines())
    assert process.returncode == 0
    assert all(one["jsonrpc"] == "2.0" for one in answers)
    assert "f(): 1 to 3 calls" in err.decode() and "Traceback" not in err.decode()
