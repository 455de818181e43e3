"""A small server of Google Cloud Storage's JSON API for tests: objects in memory, ranges, lists and resumable uploads.

The forms are those of the Cloud Storage JSON API (Objects: get, list; "Perform resumable uploads").
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from support.loopback import served_aside


@dataclass
class Storage:
    """The state of the server: the objects of the bucket ``box``, the open uploads, and the keys that are denied."""

    box: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, tuple[str, bytearray]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    read: list[int] = field(default_factory=list)
    url: str = ""
    begun: int = 0

    async def get(self, request: web.Request) -> web.Response:
        bucket, key = request.match_info["bucket"], request.match_info["key"]
        if key in self.denied:
            return _error(403)
        if bucket != "box" or key not in self.box:
            return _error(404)
        data = self.box[key]
        if request.query.get("alt") != "media":
            return web.json_response(about(key, data))
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        part = data if span is None else data[int(span[1]) : int(span[2]) + 1]
        self.read.append(len(part))
        return web.Response(status=200 if span is None else 206, body=part)

    async def list(self, request: web.Request) -> web.Response:
        if request.match_info["bucket"] != "box":
            return _error(404)
        prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
        fits = {key: data for key, data in sorted(self.box.items()) if key.startswith(prefix)}
        inner = [key for key in fits if not delimiter or delimiter not in key[len(prefix) :]]
        folders = {prefix + key[len(prefix) :].partition("/")[0] + "/" for key in fits if key not in inner}
        return web.json_response({"items": [about(key, fits[key]) for key in inner], "prefixes": sorted(folders)})

    async def begin(self, request: web.Request) -> web.Response:
        key = request.query["name"]
        if request.match_info["bucket"] != "box":
            return _error(404)
        if key in self.denied:
            return _error(403)
        self.begun += 1
        self.uploads[str(self.begun)] = (key, bytearray())
        return web.Response(headers={"Location": f"{self.url}/uploads/{self.begun}"})

    async def go_on(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        if number not in self.uploads:
            return _error(404)
        if request.method == "DELETE":
            del self.uploads[number]
            return web.Response(status=499)
        key, have = self.uploads[number]
        body = await request.read()
        whole = request.headers["Content-Range"].rpartition("/")[2]
        if whole == "*" and len(body) % (256 * 1024):
            return _error(400)
        have += body
        if whole == "*":
            return web.Response(status=308, headers={"Range": f"bytes=0-{len(have) - 1}"})
        if len(have) != int(whole):
            return _error(400)
        del self.uploads[number]
        self.box[key] = bytes(have)
        return web.json_response(about(key, self.box[key]))


def about(key: str, data: bytes) -> dict[str, Any]:
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return {
        "name": key,
        "bucket": "box",
        "size": str(len(data)),
        "etag": digest.hex(),
        "generation": "1",
        "md5Hash": base64.b64encode(digest).decode(),
        "timeCreated": "2025-01-01T00:00:00.000Z",
        "updated": "2025-01-01T00:00:00.000Z",
    }


def _error(status: int) -> web.Response:
    return web.json_response({"error": {"code": status, "message": "refused"}}, status=status)


@contextmanager
def gcs_server() -> Iterator[Storage]:
    """Serve a bucket ``box`` in a thread, and yield its state."""
    storage = Storage()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_get("/storage/v1/b/{bucket}/o/{key:.+}", storage.get)
    app.router.add_get("/download/storage/v1/b/{bucket}/o/{key:.+}", storage.get)
    app.router.add_get("/storage/v1/b/{bucket}/o", storage.list)
    app.router.add_post("/upload/storage/v1/b/{bucket}/o", storage.begin)
    app.router.add_route("*", "/uploads/{number}", storage.go_on)
    with served_aside(app, patience=1.0) as url:
        storage.url = url
        yield storage
