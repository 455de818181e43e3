"""The embedded provider with a real model, the tiny one: form, bounds and the life of its process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from flowrun.runtime.files.folders import cache_folder
from flowrun.runtime.providers.embedded import open_embedded
from flowrun.runtime.providers.embedded.models import TINY
from flowrun.runtime.providers.embedded.provider import EmbeddedProvider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import PermanentError, RefusedError, UsageError
from support.patience import PATIENCE

pytestmark = [pytest.mark.embedded, pytest.mark.asyncio(loop_scope="module")]


def fresh(name: str = "tiny", said: list[str] | None = None, **environ: str) -> EmbeddedProvider:
    lines: list[str] = [] if said is None else said
    provider = open_embedded(name, Surroundings({**os.environ, **environ}, lines.append))
    assert isinstance(provider, EmbeddedProvider)
    return provider


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tiny() -> AsyncIterator[EmbeddedProvider]:
    provider = fresh()
    await provider.start()
    yield provider
    await provider.close()


def ask(text: str, **fields: Any) -> Request:
    return Request((Message("user", text),), **fields)


def pid_of(provider: EmbeddedProvider) -> int:
    assert provider._engine is not None and provider._engine.pid is not None
    return provider._engine.pid


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def until(holds: Callable[[], Awaitable[bool]]) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if await holds():
            return True
        await asyncio.sleep(0.02)
    return False


async def gone(pid: int) -> bool:
    async def holds() -> bool:
        return not runs(pid)

    return await until(holds)


async def ended(provider: EmbeddedProvider) -> bool:
    async def holds() -> bool:
        return provider._engine is not None and provider._engine.exit_code is not None

    return await until(holds)


async def works_on(provider: EmbeddedProvider, slots: int) -> bool:
    async def holds() -> bool:
        return await busy(provider) == slots

    return await until(holds)


async def busy(provider: EmbeddedProvider) -> int:
    assert provider._session is not None and provider._engine is not None
    headers = {"Authorization": f"Bearer {provider._engine.key}"}
    async with provider._session.get(f"http://127.0.0.1:{provider._engine.port}/slots", headers=headers) as response:
        return sum(slot["is_processing"] for slot in await response.json())


async def test_votes_come_in_one_request(tiny: EmbeddedProvider) -> None:
    request = ask("Answer SPAM or NOT only:\nYou won a million! Click here.", choices=("SPAM", "NOT"))
    reply = await tiny.complete(request, 9)
    assert len(reply.answers) == 9
    assert {answer.text for answer in reply.answers} <= {"SPAM", "NOT"}
    assert {answer.finish for answer in reply.answers} == {"stop"}
    assert reply.usage.input_tokens is not None and 20 < reply.usage.input_tokens < 200
    assert reply.usage.output_tokens is not None and reply.usage.output_tokens >= 9 * 2


@pytest.mark.parametrize("choice", ['say "no"', "back\\slash", "two\nlines", "blåbær 🙂", "]|(root ::= x"])
async def test_a_choice_of_any_characters_comes_back_whole(tiny: EmbeddedProvider, choice: str) -> None:
    reply = await tiny.complete(ask("Hello", choices=(choice,)))
    assert reply.answers[0].text == choice
    assert reply.answers[0].finish == "stop"


NESTED = {
    "$defs": {"City": {"type": "object", "properties": {"name": {"enum": ["Oslo", "Rome"]}}, "required": ["name"]}},
    "type": "object",
    "properties": {"city": {"$ref": "#/$defs/City"}, "sure": {"type": "boolean"}},
    "required": ["city", "sure"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        ({"type": "integer", "minimum": 3, "maximum": 12}, lambda value: value in range(3, 13)),
        ({"enum": ["low", "high"]}, lambda value: value in ("low", "high")),
        ({"type": "string", "maxLength": 12}, lambda value: isinstance(value, str) and len(value) <= 12),
        (
            {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "minItems": 2, "maxItems": 3},
            lambda value: 2 <= len(value) <= 3 and all(item in range(10) for item in value),
        ),
        (NESTED, lambda value: value["city"]["name"] in ("Oslo", "Rome") and value["sure"] in (True, False)),
    ],
)
async def test_json_of_any_root_satisfies_its_schema(tiny: EmbeddedProvider, schema: Any, fits: Any) -> None:
    reply = await tiny.complete(ask("Tell me about a town, in JSON.", schema=schema))
    assert all(fits(json.loads(answer.text)) for answer in reply.answers)


async def test_samples_differ_and_a_seed_repeats_them(tiny: EmbeddedProvider) -> None:
    request = ask("Invent a name", seed=7, temperature=1.2, max_tokens=8)
    first = await tiny.complete(request, 4)
    again = await tiny.complete(request, 4)
    assert len({answer.text for answer in first.answers}) > 1
    assert [answer.text for answer in first.answers] == [answer.text for answer in again.answers]


async def test_a_cut_answer_says_so(tiny: EmbeddedProvider) -> None:
    reply = await tiny.complete(ask("Tell a long story", max_tokens=5))
    assert reply.answers[0].finish == "length"
    assert reply.usage.output_tokens == 5


async def test_cancelling_frees_the_model(tiny: EmbeddedProvider) -> None:
    asking = asyncio.create_task(tiny.complete(ask("Tell a very long story", max_tokens=3000), 6))
    assert await works_on(tiny, 6)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await works_on(tiny, 0)


async def test_too_slow_is_safe_to_ask_again(tiny: EmbeddedProvider) -> None:
    with pytest.raises(RefusedError, match=r"within 0\.3 s"):
        await tiny.complete(ask("Tell a very long story", max_tokens=3000, timeout=0.3), 6)


async def test_an_overlong_prompt_says_what_to_do(tiny: EmbeddedProvider) -> None:
    with pytest.raises(PermanentError, match="8,192: split the document into smaller sections"):
        await tiny.complete(ask("word " * 9000))


async def test_what_the_engine_refuses_is_permanent(tiny: EmbeddedProvider) -> None:
    with pytest.raises(PermanentError, match="at most 12 samples"):
        await tiny.complete(ask("x"), 13)
    with pytest.raises(PermanentError, match="does not take this request"):
        await tiny.complete(ask("x", schema={"type": "no such type"}))


async def test_the_server_wants_its_key(tiny: EmbeddedProvider) -> None:
    assert tiny._session is not None and tiny._engine is not None
    async with tiny._session.get(f"http://127.0.0.1:{tiny._engine.port}/slots") as response:
        assert response.status == 401


async def test_a_killed_process_is_started_again_within_bounds() -> None:
    said: list[str] = []
    provider = fresh(said=said)
    await provider.start()
    try:
        asking = asyncio.create_task(provider.complete(ask("Tell a very long story", max_tokens=3000), 4))
        assert await works_on(provider, 4)
        os.kill(pid_of(provider), signal.SIGKILL)
        with pytest.raises(RefusedError):
            await asking
        assert await ended(provider)
        reply = await provider.complete(ask("Hello", choices=("yes", "no")))
        assert reply.answers[0].text in ("yes", "no")
        assert sum("starting it again" in line for line in said) == 1

        provider._restarts = 2
        os.kill(pid_of(provider), signal.SIGKILL)
        assert await ended(provider)
        with pytest.raises(PermanentError, match="after 2 restarts"):
            await provider.complete(ask("Hello"))
    finally:
        await provider.close()


async def test_close_ends_the_process_and_what_is_in_flight() -> None:
    provider = fresh()
    await provider.start()
    pid = pid_of(provider)
    asking = asyncio.create_task(provider.complete(ask("Tell a very long story", max_tokens=3000), 4))
    assert await works_on(provider, 4)
    begun = time.monotonic()
    await provider.close()
    assert time.monotonic() - begun < 60
    assert not runs(pid)
    with pytest.raises(RefusedError, match="was closed"):
        await asking
    await provider.close()
    with pytest.raises(PermanentError, match="not started"):
        await provider.complete(ask("Hello"))


@pytest.mark.parametrize("after", [0.0, 0.4])
async def test_close_while_it_starts(after: float) -> None:
    provider = fresh()
    starting = asyncio.create_task(provider.start())
    await asyncio.sleep(after)
    begun = time.monotonic()
    await provider.close()
    assert time.monotonic() - begun < 60
    with pytest.raises(UsageError, match="closed while it started"):
        await starting


async def test_it_dies_with_a_parent_that_was_killed() -> None:
    program = (
        "import asyncio, os\n"
        "from flowrun.runtime.providers.embedded import open_embedded\n"
        "from flowrun.runtime.providers.protocol import Surroundings\n"
        "async def main():\n"
        "    provider = open_embedded('tiny', Surroundings(os.environ))\n"
        "    await provider.start()\n"
        "    print(provider._engine.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert runs(pid)
    parent.kill()
    await parent.wait()
    assert await gone(pid)


async def test_weights_of_the_users_own(tmp_path: Path) -> None:
    said: list[str] = []
    weights = cache_folder(os.environ) / "models" / TINY.file
    provider = fresh("", said, FLOWRUN_GGUF=str(weights))
    await provider.start()
    try:
        reply = await provider.complete(ask("Hello", choices=("yes", "no")))
    finally:
        await provider.close()
    assert reply.answers[0].text in ("yes", "no")
    assert said[0] == f"embedded: FLOWRUN_GGUF is {weights} (98 MB); its hash is not verified"


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read"), (b"text", "not a GGUF file"), (b"GGUF" + b"x" * 99, "did not start")],
)
async def test_unfit_weights_of_the_users_own(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "own.gguf"
    if content is not None:
        path.write_bytes(content)
    provider = fresh("", FLOWRUN_GGUF=str(path))
    with pytest.raises(UsageError, match=says) as caught:
        await provider.start()
    assert "\n" not in str(caught.value)
    await provider.close()
