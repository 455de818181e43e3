"""A stand-in for Vertex AI and for Google's server of tokens, on loopback. It checks each request's token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .loopback import served

TOKEN = "ya29.a0Ae4lvC3s3cretT0kenQx7-"
Json = dict[str, Any]


@cache
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(kind, form, serialization.NoEncryption()).decode()


@dataclass
class VertexServer:
    """``replies`` are taken in order, and the last one stays: a status with an object, or a text of events.

    ``lives`` are the seconds that each token lives; the last one stays. ``refusal`` is sent in place of a token.
    """

    replies: list[tuple[int, Json] | str] = field(default_factory=list)
    lives: list[int] = field(default_factory=lambda: [3600])
    refusal: tuple[int, Json] | None = None
    slow: float = 0.0
    moved: str = ""
    visits: int = 0
    seen: list[tuple[str, Json]] = field(default_factory=list)
    tokens: int = 0
    wrong: list[str] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[VertexServer]:
        app = web.Application()
        app.router.add_route("*", "/token", self._token)
        app.router.add_route("*", "/{path:.*}", self._answer)
        async with served(app) as self.url:
            yield self

    def environ(self, folder: Path, **more: str) -> dict[str, str]:
        """The variables of a user whose service account gets its tokens here."""
        account = {
            "type": "service_account",
            "project_id": "own-project",
            "private_key": private_key(),
            "client_email": "flow@own-project.iam.gserviceaccount.com",
            "token_uri": f"{self.url}/token",
        }
        path = folder / "account.json"
        path.write_text(json.dumps(account), encoding="utf-8")
        given = {"GOOGLE_APPLICATION_CREDENTIALS": str(path), "GOOGLE_CLOUD_LOCATION": "europe-west4"}
        return {**given, "GOOGLE_VERTEX_BASE_URL": self.url, **more}

    async def _token(self, request: web.Request) -> web.Response:
        self.visits += 1
        if self.moved:
            return web.Response(status=302, headers={"Location": self.moved})
        form = await request.post()
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        await asyncio.sleep(self.slow)
        self.tokens += 1
        if self.refusal is not None:
            return web.json_response(self.refusal[1], status=self.refusal[0])
        lives = self.lives.pop(0) if len(self.lives) > 1 else self.lives[0]
        return web.json_response({"access_token": f"{TOKEN}{self.tokens}", "expires_in": lives, "token_type": "Bearer"})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.raw_path, await request.json()))
        given = request.headers.get("Authorization", "")
        if given != f"Bearer {TOKEN}{self.tokens}":
            self.wrong.append(given)
            error = {"code": 401, "message": f"invalid credentials: {given}", "status": "UNAUTHENTICATED"}
            return web.json_response({"error": error}, status=401)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, str):
            return web.Response(text=reply, content_type="text/event-stream")
        return web.json_response(reply[1], status=reply[0])
