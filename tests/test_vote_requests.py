"""How the samples of a vote go out (in one request, behind the first, side by side), and how they are broken off."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime import Result, RunOptions, run_async
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import RefusedError
from support.harness import Run, stage

LONG = "word " * 2000


def vote(launch: str = "cost", prompt: str = "?", rule: str = "majority", options: str = "seed: 1") -> str:
    return (
        f'flow f() {{ v = repeat 5 {{ ask "{prompt}" -> a | b with {options} }} reduce {rule} '
        f"with launch: {launch} return v }}"
    )


# Over the wire


def choices(*texts: str) -> dict[str, Any]:
    each = [{"message": {"content": f'{{"answer": "{text}"}}'}, "finish_reason": "stop"} for text in texts]
    return {"choices": each, "usage": {"prompt_tokens": 9, "completion_tokens": len(texts)}}


async def ran(faults: Any, text: str, folder: Path) -> Result:
    path = folder / "a.flow"
    path.write_text(text, encoding="utf-8")
    environ = {"OPENAI_BASE_URL": faults.url}
    return await run_async(path, options=RunOptions(model="openai:x", environ=environ, journal=None))


async def test_the_first_batch_is_one_request(faults: Any, tmp_path: Path) -> None:
    faults.json(choices("a", "a", "a"))
    result = await ran(faults, vote(options="temperature: 1"), tmp_path)
    assert result.value == "a"
    assert [body.get("n") for body in faults.seen] == [3]


async def test_a_server_that_knows_no_n_is_asked_for_each(faults: Any, tmp_path: Path) -> None:
    faults.json({"error": {"message": "Only one completion choice is allowed", "param": "n"}}, 400)
    faults.json(choices("a"))
    result = await ran(faults, vote(options="temperature: 1"), tmp_path)
    assert result.value == "a"
    assert [body.get("n") for body in faults.seen] == [3, None, None, None]


async def test_what_is_broken_off_is_closed(faults: Any, tmp_path: Path) -> None:
    closed = asyncio.Semaphore(0)

    async def hang(request: web.Request) -> web.StreamResponse:
        try:
            await faults.closing.wait()
        except asyncio.CancelledError:
            closed.release()
            raise
        return web.Response()

    for _ in range(2):
        faults.replies.append(hang)
    faults.json(choices("a"))
    result = await ran(faults, vote("latency"), tmp_path)
    assert result.value == "a"
    assert len(faults.seen) == 5
    async with asyncio.timeout(5):
        await closed.acquire()
        await closed.acquire()


# Behind the first


def by_turn(request: Request, number: int) -> Scripted:
    return Scripted("a", 1.0)


def staged(text: str, script: Any = by_turn, samples: int = 1) -> Run:
    return stage(text, script, provider=ScriptedProvider(script, samples=samples, caches_from=1024))


def starts(run: Run) -> list[int]:
    """How many requests left before the time of each answer, the first answer first."""
    timed = list(zip(run.events, run.at, strict=True))
    left = [at for event, at in timed if isinstance(event, e.RequestStarted)]
    answers = (e.RequestFinished, e.RequestRetried, e.RequestCancelled)
    return [sum(one < at for one in left) for event, at in timed if isinstance(event, answers)]


def test_a_long_prompt_is_read_once_before_the_rest_follow() -> None:
    run = staged(vote(prompt=LONG))
    assert starts(run) == [1, 3, 3]
    assert run.seconds == 2.0


@pytest.mark.parametrize(
    ("text", "samples", "first"),
    [(vote(), 1, 3), (vote("latency", LONG), 1, 5), (vote("together", LONG), 1, 5)],
    ids=["short", "latency", "together"],
)
def test_what_gains_nothing_or_is_in_a_hurry_waits_for_nobody(text: str, samples: int, first: int) -> None:
    run = staged(text, samples=samples)
    assert starts(run)[0] == first
    assert run.seconds == 1.0


def test_later_batches_find_the_prompt_read() -> None:
    answers = iter("abababa")
    text = vote(prompt=LONG).replace("repeat 5", "repeat 7")
    run = staged(text, lambda request, number: Scripted(next(answers), 1.0))
    assert starts(run)[:2] == [1, 4]
    assert run.seconds == 1.0 + 3.0  # the first alone, and then three rounds as without


def test_the_rest_goes_on_where_the_first_fails() -> None:
    def script(request: Request, number: int) -> Scripted:
        return Scripted(RefusedError("no", status=503), 1.0) if number == 0 else Scripted("a", 1.0)

    run = staged(vote(prompt=LONG), script)
    assert run.outcome.value == "a"
    assert starts(run)[0] == 1


def test_the_first_may_be_taken_back() -> None:
    text = f'flow f() {{ v = repeat 5 {{ ask "{LONG}" -> a | b }} reduce majority with timeout: 1s return v }}'
    run = staged(text, lambda request, number: Scripted("a", 9.0))
    assert not run.outcome.complete
    assert len(run.provider.calls) == 1


def test_elements_wait_for_their_own_first_only() -> None:
    text = (
        'flow f() { x = map i in [1, 2, 3] { v = repeat 3 { ask "{{ i }} '
        + LONG
        + '" -> a | b with seed: 1 } reduce majority } reduce collect return x }'
    )
    run = staged(text)
    assert run.outcome.value == ["a"] * 3
    assert starts(run) == [3, 3, 3, 6, 6, 6]
    assert run.seconds == 2.0
