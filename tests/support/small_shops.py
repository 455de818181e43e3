"""Servers of Chat Completions on loopback, each behind a path and a key of its own, with the bills that they send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .loopback import LARGE, served_aside


@dataclass
class Shops:
    """Running servers. ``keys`` has the key of each, ``words`` its answer, and ``seen`` the bodies that came."""

    keys: Mapping[str, str]
    words: Mapping[str, str]
    url: str = ""
    seen: dict[str, list[Any]] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    """Keys that came to a server that is not theirs."""

    def count(self, name: str) -> int:
        return len(self.seen.get(name, []))

    def bill(self, name: str, read: float, written: float) -> float:
        """Return the dollars for all answers of a server. Each has 40 tokens in and 7 out."""
        return self.count(name) * (40 * read + 7 * written) / 1e6


@contextmanager
def small_shops(keys: Mapping[str, str], words: Mapping[str, str]) -> Iterator[Shops]:
    shops = Shops(keys, words)

    async def complete(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        body = await request.json()
        if request.headers.get("Authorization") != f"Bearer {shops.keys[name]}":
            shops.strangers.append(f"{name}: {request.headers.get('Authorization')}")
            return web.json_response({"error": {"message": "a key of another"}}, status=401)
        shops.seen.setdefault(name, []).append(body)
        choice = {"index": 0, "message": {"role": "assistant", "content": shops.words[name]}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 40, "completion_tokens": 7, "total_tokens": 47}
        return web.json_response({"choices": [choice], "usage": usage})

    app = web.Application(client_max_size=LARGE)
    app.router.add_post("/{name}/v1/chat/completions", complete)
    with served_aside(app) as shops.url:
        yield shops
