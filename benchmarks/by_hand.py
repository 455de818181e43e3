"""The yardsticks: what a careful person writes on asyncio and aiohttp, and what tutorials do with threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

Ask = Callable[[str], Awaitable[str]]


def body(prompt: str) -> dict[str, Any]:
    return {"model": "test", "messages": [{"role": "user", "content": prompt}], "temperature": 0.5}


def asking(session: aiohttp.ClientSession, base: str) -> Ask:
    async def ask(prompt: str) -> str:
        async with session.post(f"{base}/chat/completions", json=body(prompt)) as response:
            text: str = (await response.json())["choices"][0]["message"]["content"]
            return text

    return ask


async def with_session(base: str, work: Callable[[Ask], Awaitable[Any]]) -> Any:
    """One session, no limit of connections, no cookies."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        return await work(asking(session, base))


async def all_at_once(base: str, prompts: Sequence[str]) -> list[str]:
    async def work(ask: Ask) -> list[str]:
        return await asyncio.gather(*map(ask, prompts))

    return list(await with_session(base, work))


async def by_workers(base: str, prompts: Sequence[str], workers: int) -> list[str]:
    """So many at a time, by workers that share one iterator."""
    answers = [""] * len(prompts)

    async def work(ask: Ask) -> list[str]:
        todo = iter(enumerate(prompts))

        async def one() -> None:
            for index, prompt in todo:
                answers[index] = await ask(prompt)

        await asyncio.gather(*(one() for _ in range(workers)))
        return answers

    return list(await with_session(base, work))


async def chained(base: str, pairs: Sequence[tuple[str, str]], *, barrier: bool) -> list[str]:
    """Two calls for each element; with a barrier all first ones are waited for before a second one is sent."""

    async def work(ask: Ask) -> list[str]:
        async def both(first: str, second: str) -> str:
            await ask(first)
            return await ask(second)

        if not barrier:
            return await asyncio.gather(*(both(*pair) for pair in pairs))
        await asyncio.gather(*(ask(first) for first, _ in pairs))
        return await asyncio.gather(*(ask(second) for _, second in pairs))

    return list(await with_session(base, work))


def by_threads(base: str, prompts: Sequence[str], threads: int) -> list[str]:
    """A thread pool with `requests`, each thread with a session of its own."""
    import threading

    import requests

    local = threading.local()

    def ask(prompt: str) -> str:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        response = local.session.post(f"{base}/chat/completions", json=body(prompt), timeout=60)
        text: str = response.json()["choices"][0]["message"]["content"]
        return text

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(ask, prompts))
