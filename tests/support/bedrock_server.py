"""A stand-in for Bedrock on loopback. It checks each signature by working it out again, and sends binary events."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .loopback import served

REGION = "us-east-1"
KEYS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "FwoGZXIvYXdzEBYaDHqa0AP1s3cretT0ken9x8y7")
Json = dict[str, Any]


@dataclass
class Seen:
    path: str
    body: Json
    headers: Mapping[str, str]


@dataclass
class BedrockServer:
    """``replies`` are taken in order, and the last one stays. A reply is bytes of an event stream, or a status with
    an object and perhaps the name of an error."""

    replies: list[bytes | tuple[int, Json] | tuple[int, Json, str]] = field(default_factory=list)
    keys: tuple[str, str, str] = KEYS
    region: str = REGION
    seen: list[Seen] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    url: str = ""
    piece: int = 0
    bearer: str = ""
    lingers: bool = False
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[BedrockServer]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        async with served(app) as self.url:
            try:
                yield self
            finally:
                self._over.set()

    def environ(self, **more: str) -> dict[str, str]:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        given = dict(zip(names, self.keys, strict=True))
        return {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.url, "AWS_REGION": self.region, **given, **more}

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.seen.append(Seen(request.raw_path, json.loads(raw), request.headers.copy()))
        ids = {"x-amzn-RequestId": f"id-{len(self.seen)}"}
        if fault := self._fault(request, raw):
            self.faults.append(fault)
            headers = {**ids, "x-amzn-ErrorType": "InvalidSignatureException:http://internal.amazon.com/coral/"}
            return web.json_response({"message": fault}, status=403, headers=headers)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, tuple):
            status, data, *named = reply
            headers = {**ids, "x-amzn-ErrorType": named[0]} if named else ids
            return web.json_response(data, status=status, headers=headers)
        headers = {**ids, "Content-Type": "application/vnd.amazon.eventstream"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        piece = self.piece or len(reply)
        for start in range(0, len(reply), piece):
            await response.write(reply[start : start + piece])
        if self.lingers:
            await self._over.wait()
        await response.write_eof()
        return response

    def _fault(self, request: web.Request, raw: bytes) -> str:
        """Return what is wrong with the signature. "" if it is the one that botocore makes."""
        given = request.headers.get("Authorization", "")
        if self.bearer:
            return "" if given == f"Bearer {self.bearer}" else "the bearer token is wrong"
        try:
            kind, rest = given.split(" ", 1)
            parts = dict(one.strip().split("=", 1) for one in rest.split(","))
            names = parts["SignedHeaders"].split(";")
        except (ValueError, KeyError):
            return "the request has no signature"
        for needed in ("host", "x-amz-date", "content-type"):
            if needed not in names:
                return f"{needed} is not signed"
        token = request.headers.get("X-Amz-Security-Token", "") if "x-amz-security-token" in names else ""
        if token != self.keys[2]:
            return "the session token is wrong"
        headers = {name: request.headers[name] for name in names}
        again = AWSRequest("POST", f"{self.url}{request.raw_path}", headers, raw)
        again.context["timestamp"] = request.headers["X-Amz-Date"]
        auth = SigV4Auth(Credentials(self.keys[0], self.keys[1]), "bedrock", self.region)
        wanted = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
        scope = auth.scope(again)
        sound = kind == "AWS4-HMAC-SHA256" and parts["Credential"] == scope and parts["Signature"] == wanted
        return "" if sound else f"The request signature we calculated does not match: {given} {self.keys[2]}"


def frame(payload: bytes, **headers: str) -> bytes:
    """A message of an event stream. An underscore in the name of a header begins it with a colon."""
    written = b""
    for name, value in headers.items():
        key = (":" + name[1:] if name.startswith("_") else name).replace("_", "-").encode()
        written += bytes([len(key)]) + key + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()
    head = struct.pack(">II", 16 + len(written) + len(payload), len(written))
    whole = head + struct.pack(">I", crc32(head)) + written + payload
    return whole + struct.pack(">I", crc32(whole))


def event(name: str, **data: Any) -> bytes:
    kind = {"_event_type": name, "_content_type": "application/json", "_message_type": "event"}
    return frame(json.dumps(data).encode(), **kind)


def exception(name: str, message: str) -> bytes:
    kind = {"_exception_type": name, "_content_type": "application/json", "_message_type": "exception"}
    return frame(json.dumps({"message": message}).encode(), **kind)


USAGE = {"inputTokens": 4, "outputTokens": 3, "totalTokens": 12, "cacheReadInputTokens": 3, "cacheWriteInputTokens": 2}


def converse(*blocks: Json, reason: str = "end_turn", usage: Json | None = None) -> tuple[int, Json]:
    content = [{"reasoningContent": {"reasoningText": {"text": "hm"}}}, *blocks]
    output = {"message": {"role": "assistant", "content": content}}
    return 200, {"output": output, "stopReason": reason, "usage": usage or USAGE, "metrics": {"latencyMs": 1}}


def streamed(texts: Sequence[str], reason: str = "end_turn", tool: str = "") -> bytes:
    """The events of an answer that comes in these pieces."""
    deltas = [{"toolUse": {"input": text}} if tool else {"text": text} for text in texts]
    start = {"start": {"toolUse": {"toolUseId": "t", "name": tool}}, "contentBlockIndex": 1}
    return b"".join(
        [
            event("messageStart", role="assistant"),
            event("contentBlockDelta", contentBlockIndex=0, delta={"reasoningContent": {"text": "hm"}}),
            event("contentBlockStop", contentBlockIndex=0),
            event("contentBlockStart", **start) if tool else b"",
            *(event("contentBlockDelta", contentBlockIndex=1, delta=delta, p="abcdefg") for delta in deltas),
            event("contentBlockStop", contentBlockIndex=1),
            event("messageStop", stopReason=reason),
            event("metadata", usage=USAGE, metrics={"latencyMs": 1}),
        ]
    )
