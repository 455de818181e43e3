"""A small server of S3's protocol for tests: objects in memory, with ranges, ETags, lists and multipart uploads.

The forms of requests and errors are those of the Amazon S3 API Reference (GetObject, ListObjectsV2,
CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload, Error Responses).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from xml.sax.saxutils import escape

from aiohttp import web

from support.loopback import served_aside

SECRET = "the-secret-of-the-test"


@dataclass
class Objects:
    """The state of the server. A test reads it, and sets the faults.

    ``requests`` has each request as its method, its path and the bytes of its answer. ``denied`` are keys that nobody
    may read or write. ``broken`` is the number of requests for an object that are answered with status 500, ``cut`` of
    answers that end early, and ``slow`` the seconds before each answer.
    """

    buckets: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"box": {}})
    uploads: dict[str, tuple[str, str, dict[int, bytes]]] = field(default_factory=dict)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    broken: int = 0
    cut: int = 0
    slow: float = 0.0
    url: str = ""
    begun: int = 0

    @property
    def box(self) -> dict[str, bytes]:
        return self.buckets["box"]

    @property
    def environ(self) -> dict[str, str]:
        """The variables by which the client library finds this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "2",
        }

    def read(self) -> int:
        """Return the bytes of all answers to GET."""
        return sum(size for method, _, size in self.requests if method == "GET")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        bucket, _, key = request.path.lstrip("/").partition("/")
        await asyncio.sleep(self.slow)
        found = await self._answer(request, bucket, key)
        size = found.content_length if isinstance(found, web.Response) else 0
        self.requests.append((request.method, request.path_qs, size or 0))
        if self.cut and request.method == "GET" and key and isinstance(found, web.Response):
            self.cut -= 1
            return await _cut_off(request, found)
        return found

    async def _answer(self, request: web.Request, bucket: str, key: str) -> web.Response:
        if bucket not in self.buckets:
            return _error(404, "NoSuchBucket", request)
        if key in self.denied:
            return _error(403, "AccessDenied", request)
        if self.broken and key:
            self.broken -= 1
            return _error(500, "InternalError", request)
        if not key:
            return self._list(bucket, request.query) if request.method == "GET" else web.Response()
        if request.method in ("GET", "HEAD"):
            return self._get(request, self.buckets[bucket], key)
        return await self._change(request, bucket, key)

    def _get(self, request: web.Request, box: dict[str, bytes], key: str) -> web.Response:
        if key not in box:
            return _error(404, "NoSuchKey", request)
        data, etag = box[key], etag_of(box[key])
        headers = {"ETag": etag, "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT", "Accept-Ranges": "bytes"}
        if request.headers.get("If-Match", etag) != etag:
            return _error(412, "PreconditionFailed", request)
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        if span is not None and int(span[1]) >= len(data):
            return _error(416, "InvalidRange", request)
        part = data if span is None else data[int(span[1]) : int(span[2]) + 1]
        if span is not None:
            headers["Content-Range"] = f"bytes {span[1]}-{int(span[1]) + len(part) - 1}/{len(data)}"
        return web.Response(status=200 if span is None else 206, body=part, headers=headers)

    def _list(self, bucket: str, query: object) -> web.Response:
        asked = dict(query)  # type: ignore[call-overload]
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        inside, folders = [], set()
        for key, data in sorted(self.buckets[bucket].items()):
            if key.startswith(prefix):
                rest = key[len(prefix) :]
                if delimiter and delimiter in rest:
                    folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
                else:
                    inside.append((key, data))
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2025-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>{escape(etag_of(data))}</ETag><Size>{len(data)}</Size></Contents>"
            for key, data in inside[: int(asked.get("max-keys", 1000))]
        )
        commons = "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in sorted(folders))
        count = len(inside) + len(folders)
        return _xml(
            f"<ListBucketResult><Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{count}</KeyCount>"
            f"<IsTruncated>false</IsTruncated>{contents}{commons}</ListBucketResult>"
        )

    async def _change(self, request: web.Request, bucket: str, key: str) -> web.Response:
        number = request.query.get("uploadId", "")
        body = _plain(await request.read(), request)
        if request.method == "POST" and "uploads" in request.query:
            self.begun += 1
            number = f"upload-{self.begun}"
            self.uploads[number] = (bucket, key, {})
            return _xml(
                f"<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{escape(key)}</Key>"
                f"<UploadId>{number}</UploadId></InitiateMultipartUploadResult>"
            )
        if number and number not in self.uploads:
            return _error(404, "NoSuchUpload", request)
        if request.method == "DELETE":
            if number:
                del self.uploads[number]
            else:
                self.buckets[bucket].pop(key, None)
            return web.Response(status=204)
        if request.method == "PUT" and number:
            self.uploads[number][2][int(request.query["partNumber"])] = body
            return web.Response(headers={"ETag": etag_of(body)})
        if request.method == "PUT":
            self.buckets[bucket][key] = body
            return web.Response(headers={"ETag": etag_of(body)})
        parts = self.uploads.pop(number)[2]
        wanted = [int(one) for one in re.findall(rb"<PartNumber>(\d+)</PartNumber>", body)]
        small = [one for one in wanted[:-1] if len(parts[one]) < 5 * 1024**2]
        if small or wanted != sorted(parts):
            return _error(400, "EntityTooSmall" if small else "InvalidPart", request)
        whole = b"".join(parts[one] for one in wanted)
        self.buckets[bucket][key] = whole
        return _xml(
            f"<CompleteMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{escape(key)}</Key>"
            f"<ETag>{escape(etag_of(whole))}</ETag></CompleteMultipartUploadResult>"
        )


@contextmanager
def s3_server() -> Iterator[Objects]:
    """Serve a bucket ``box`` in a thread, and yield its objects."""
    objects = Objects()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", objects.answer)
    with served_aside(app, patience=1.0) as url:
        objects.url = url
        yield objects


@lru_cache(16)
def etag_of(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def _plain(body: bytes, request: web.Request) -> bytes:
    """Return a body without the frames of `aws-chunked`, in which new clients send it with a checksum behind."""
    if "aws-chunked" not in request.headers.get("Content-Encoding", ""):
        return body
    found, at = b"", 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end].partition(b";")[0], 16)
        if not size:
            return found
        found += body[end + 2 : end + 2 + size]
        at = end + 2 + size + 2


async def _cut_off(request: web.Request, whole: web.Response) -> web.StreamResponse:
    assert isinstance(whole.body, bytes)
    answer = web.StreamResponse(status=whole.status, headers=whole.headers)
    answer.content_length = len(whole.body)
    await answer.prepare(request)
    await answer.write(whole.body[: len(whole.body) // 2])
    assert request.transport is not None
    request.transport.close()
    return answer


def _xml(text: str, status: int = 200) -> web.Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>{text}'
    return web.Response(status=status, body=body.encode(), content_type="application/xml")


def _error(status: int, code: str, request: web.Request) -> web.Response:
    if request.method == "HEAD":
        return web.Response(status=status)
    return _xml(f"<Error><Code>{code}</Code><Message>{code} of {SECRET}</Message></Error>", status)
