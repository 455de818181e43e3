"""A run starts with what earlier runs learnt of its endpoints: their width, and the requests that they refuse."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime import RunOptions, Stop, run_async
from flowrun.runtime.experience.store import NAME
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.vocabulary.events import Notice
from support.command_line import command
from support.served_forms import Serve, answers, chat, claude, environ, forms, google, rejected

VOTE = 'flow v() { a = repeat 8 { ask "?" -> yes | no } reduce majority with launch: together return a }'
ASK = 'flow f() { a = ask "?" -> yes | no with seed: 1 return a }'
KEY = "sk-proj-Qm3vX9aT7cLw2ZpR8yKd5NfH4gBs6JuE"
YES = '{"answer": "yes"}'


def store(folder: Path | None = None) -> Path:
    return (folder or Path(os.environ["FLOWRUN_CACHE"])) / NAME


def kept() -> Any:
    return json.loads(store().read_text())


async def once(path: Path, faults: Any, model: str = "openai:m", **more: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """Run a flow. Return the requests that the server got, and the lines that the user saw."""
    faults.seen.clear()
    lines: list[str] = []
    given = {**environ(faults), **more.pop("environ", {})}
    hear = lambda event: lines.append(event.text) if isinstance(event, Notice) else None  # noqa: E731
    result = await run_async(path, options=RunOptions(model=model, environ=given, on_event=hear, **more))
    assert result.ok, result.failures
    return list(faults.seen), lines


def said_to(body: dict[str, Any]) -> tuple[Any, int]:
    """Answer yes, in the form that the request asks for."""
    if "contents" in body:
        return google("yes")
    if "max_tokens" in body and "tools" in body:
        call = {"type": "tool_use", "name": "answer", "input": {"answer": "yes"}}
        return {**claude("")[0], "content": [call], "stop_reason": "tool_use"}, 200
    return chat(*[YES if "response_format" in body else "yes"] * body.get("n", 1))


def refuses(part: str, said: str) -> Serve:
    def serve(body: dict[str, Any]) -> Any:
        options = {name: value for name, value in body.items() if name != "messages"}
        return rejected(said) if part in json.dumps(options) else said_to(body)

    return serve


REFUSALS: dict[str, tuple[str, str, str]] = {
    "a way": ("openai:m", "json_schema", "response_format json_schema is not supported"),
    "a way for one schema": ("openai:m", "json_schema", "Invalid schema for response_format"),
    "nothing by name": ("openai:m", "json_schema", "Bad Request"),
    "both ways": ("openai:m", "response_format", "unknown field: response_format"),
    "a parameter": ("openai:m", '"seed"', "Unsupported parameter: 'seed'"),
    "a seed of Gemini": ("gemini:m", '"seed"', "Unknown name seed: cannot find field"),
    "a way of Anthropic": ("anthropic:m", "output_config", "output_config: Extra inputs are not permitted"),
}


@pytest.mark.parametrize(("model", "part", "said"), REFUSALS.values(), ids=REFUSALS)
async def test_the_next_run_tries_nothing_that_was_refused(
    faults: Any, flow: Any, model: str, part: str, said: str
) -> None:
    answers(faults, refuses(part, said))
    first, told = await once(flow(ASK), faults, model)
    assert len(first) > 1
    assert any("continuing without" in line for line in told)
    second, told = await once(flow(ASK), faults, model)
    assert len(second) == 1
    assert second[0] == first[-1]
    assert sum("in an earlier run" in line for line in told) >= 1


async def test_the_next_run_says_nothing_of_a_part_that_it_does_not_use(faults: Any, flow: Any) -> None:
    answers(faults, refuses('"seed"', "Unsupported parameter: 'seed'"))
    await once(flow(ASK), faults)
    _, told = await once(flow('flow f() { a = ask "?" -> yes | no return a }'), faults)
    assert told == []


@pytest.mark.parametrize("said", ["n must be <= 3", "Bad Request", "Parameter n is not supported"])
async def test_the_next_run_asks_for_as_many_samples_as_were_served(faults: Any, flow: Any, said: str) -> None:
    most = 1 if "supported" in said else 3
    serve: Serve = lambda body: rejected(said) if body.get("n", 1) > most else chat(*[YES] * body.get("n", 1))  # noqa: E731
    answers(faults, serve)
    first, _ = await once(flow(VOTE), faults)
    second, _ = await once(flow(VOTE), faults)
    assert first[0]["n"] == 8
    assert max(seen.get("n", 1) for seen in second) <= most
    assert sum(seen.get("n", 1) for seen in second) == 8


async def test_a_server_that_gives_fewer_samples_is_asked_for_fewer(faults: Any, flow: Any) -> None:
    answers(faults, lambda body: chat(*[YES] * min(2, body.get("n", 1))))
    await once(flow(VOTE), faults)
    second, _ = await once(flow(VOTE), faults)
    assert [seen.get("n") for seen in second] == [2, 2, 2, 2]


async def test_lessons_belong_to_one_model_at_one_address(faults: Any, flow: Any) -> None:
    answers(faults, refuses("json_schema", "json_schema is not supported"))
    path = flow(ASK)
    await once(path, faults)
    assert len((await once(path, faults, "openai:other"))[0]) > 1
    moved = {"OPENAI_BASE_URL": f"{faults.url}/other/v1"}
    assert len((await once(path, faults, environ=moved))[0]) > 1
    # What a server takes does not depend on the key.
    assert len((await once(path, faults, environ={"OPENAI_API_KEY": KEY}))[0]) == 1


class Places:
    """A server that serves ``most`` requests at once, each for some time, and refuses the others."""

    def __init__(self, faults: Any, most: int = 100_000) -> None:
        self.most = most
        self.active = self.served = self.refused = self.begun = 0
        self.headers: dict[str, str] = {}
        faults.replies.append(self.reply)

    async def reply(self, request: web.Request) -> web.StreamResponse:
        if self.active >= self.most:
            self.refused += 1
            return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "0.01"})
        self.active += 1
        if not self.served:
            self.begun = max(self.begun, self.active)
        await asyncio.sleep(0.15)
        self.active -= 1
        self.served += 1
        return web.json_response(chat("ok")[0], headers=self.headers)

    def restart(self) -> None:
        self.served = self.refused = self.begun = 0


def wide(calls: int, concurrency: int = 0) -> str:
    option = f" with concurrency: {concurrency}" if concurrency else ""
    numbers = list(map(str, range(calls)))
    body = 'a = map x in words { ask m "{{ x }}" } reduce collect'
    return f'model m = "openai:m"{option}\nflow f(words: [text] = {json.dumps(numbers)}) {{ {body} return a }}'


def account(key: str) -> dict[str, str]:
    return {"OPENAI_API_KEY": key, "FLOWRUN_ALLOW_HOST": "127.0.0.1"}


async def test_the_next_run_starts_at_the_width_that_was_served(faults: Any, flow: Any) -> None:
    server = Places(faults)
    await once(flow(wide(400)), faults, environ=account(KEY))
    first = server.begun
    assert kept()["endpoints"]
    server.restart()
    # A run of few calls shows no width.
    await once(flow(wide(3)), faults, environ=account(KEY))
    server.restart()
    await once(flow(wide(400)), faults, environ=account(KEY))
    second = server.begun
    assert second >= 1.5 * first
    server.restart()
    await once(flow(wide(400)), faults, environ=account(KEY.swapcase()))
    assert server.begun < second
    server.restart()
    await once(flow(wide(40, concurrency=5)), faults, environ=account(KEY))
    assert server.begun == 5


async def test_the_next_run_starts_at_what_is_left_after_refusals(faults: Any, flow: Any) -> None:
    server = Places(faults, most=6)
    await once(flow(wide(60)), faults)
    assert server.refused
    server.restart()
    await once(flow(wide(60)), faults)
    assert server.begun <= 6
    assert server.refused <= 3


async def test_reported_limits_are_kept_and_bound_the_start(faults: Any, flow: Any) -> None:
    server = Places(faults)
    told = {"limit-requests": "7", "remaining-requests": "7", "reset-requests": "1s", "limit-tokens": "90000"}
    server.headers = {f"x-ratelimit-{name}": value for name, value in told.items()}
    await once(flow(wide(6)), faults)
    (entry,) = kept()["endpoints"].values()
    assert (entry["requests"], entry["tokens"]) == (7, 90000)
    server.restart()
    await once(flow(wide(20)), faults)
    assert server.begun <= 7


async def test_a_run_that_was_stopped_leaves_its_lessons(faults: Any, flow: Any) -> None:
    stop, server = Stop(), Places(faults, most=4)

    def hear(event: object) -> None:
        if server.served >= 12:
            stop()

    options = RunOptions(environ=environ(faults), on_event=hear, stop=stop)
    result = await run_async(flow(wide(200)), options=options)
    assert result.status == "stopped"
    (entry,) = kept()["endpoints"].values()
    assert entry["refused"] is True
    assert entry["width"] <= 4


async def test_a_run_that_was_cancelled_leaves_its_lessons(faults: Any, flow: Any) -> None:
    answers(faults, lambda body: rejected("Unsupported parameter: 'seed'") if "seed" in body else chat(YES))
    text = ASK.replace("return a", 'b = ask "{{ a }}?" -> yes | no return b')
    answered, late = faults.replies[0], asyncio.Event()

    async def reply(request: web.Request) -> web.StreamResponse:
        if len(faults.seen) > 2:
            late.set()
            await faults.closing.wait()
        return await answered(request)  # type: ignore[no-any-return]

    faults.replies[0] = reply
    run = asyncio.ensure_future(once(flow(text), faults))
    await late.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    (entry,) = kept()["models"].values()
    assert list(entry["refused"]) == ["seed"]


async def test_the_file_has_no_secret(faults: Any, flow: Any) -> None:
    answers(faults, refuses("json_schema", "json_schema is not supported"))
    await once(flow(ASK), faults, environ={"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-7Yq2Lm9XwP4t"})
    text = store().read_text()
    for secret in (KEY, "org-7Yq2Lm9XwP4t"):
        assert not [at for at in range(len(secret) - 7) if secret[at : at + 8] in text]
    assert store().stat().st_mode & 0o777 == 0o600
    assert faults.url.partition("//")[2] in text


async def test_an_address_that_holds_the_key_is_not_kept(faults: Any, flow: Any) -> None:
    answers(faults, refuses("json_schema", "json_schema is not supported"))
    secret = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{faults.url}/{KEY}/v1"}
    await once(flow(ASK), faults, environ=secret)
    assert not store().exists()


@pytest.mark.parametrize("off", [{"learn": False}, {"environ": {"FLOWRUN_LEARN": "0"}}], ids=["option", "variable"])
async def test_a_run_need_not_learn(faults: Any, flow: Any, off: dict[str, Any]) -> None:
    answers(faults, refuses("json_schema", "json_schema is not supported"))
    await once(flow(ASK), faults, **off)
    assert not store().exists()
    await once(flow(ASK), faults)
    before = store().read_bytes()
    assert len((await once(flow(ASK), faults, **off))[0]) > 1
    assert store().read_bytes() == before
    assert forms(faults)[0] == "json_schema"


async def test_the_command_learns_too(faults: Any, flow: Any, tmp_path: Path) -> None:
    answers(faults, refuses('"seed"', "Unsupported parameter: 'seed'"))
    path, told = flow(ASK), []
    for _ in range(2):
        faults.seen.clear()
        given = {"OPENAI_BASE_URL": f"{faults.url}/v1"}
        ran = await command(str(path), "--model", "openai:m", "--no-journal", folder=tmp_path, **given)
        assert ran.code == 0, ran.err
        told.append((len(faults.seen), "did not take it in an earlier run" in ran.err))
    assert told == [(2, False), (1, True)]
    assert store(tmp_path / ".cache" / "flowrun").stat().st_mode & 0o777 == 0o600
    assert store(tmp_path / ".cache" / "flowrun").parent.stat().st_mode & 0o777 == 0o700


async def test_a_file_that_is_damaged_costs_the_run_one_line(faults: Any, flow: Any) -> None:
    answers(faults, refuses('"seed"', "Unsupported parameter: 'seed'"))
    store().write_text("{")
    _, told = await once(flow(ASK), faults)
    assert len([line for line in told if "is damaged" in line]) == 1
    assert len((await once(flow(ASK), faults))[0]) == 1


async def test_a_model_without_an_address_leaves_the_store_alone(faults: Any, flow: Any) -> None:
    os.mkfifo(store())
    opener = lambda model, _: ScriptedProvider(lambda request, _: "yes", model=model)  # noqa: E731
    _, told = await once(flow(ASK), faults, opener=opener)
    assert told == []
