"""The requests to batch APIs over aiohttp: JSON, files and lines of JSON. A key goes only to its own address."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from ...vocabulary.errors import AnswerError, CallError, InDoubtError, RefusedError
from ...vocabulary.submission import DamagedError
from ..endpoints import HttpEndpoint
from ..failures import failure, read_answer
from ..wire_failures import wire_failure

_SECONDS = 60.0
_LONG = 900.0
"""The seconds for an upload, and for a list of results."""
_MOST = 256 * 1024 * 1024
_LONGEST_LINE = 32 * 1024 * 1024
_ERROR = 1024 * 1024


class Transport:
    """The connection to one endpoint. It follows no redirect and keeps no cookie."""

    def __init__(self, endpoint: HttpEndpoint) -> None:
        self.endpoint = endpoint
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=dict(self.endpoint.headers), cookie_jar=aiohttp.DummyCookieJar()
            )

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, pays: bool = False) -> Any:
        """Send a request. Return the JSON object of its answer. With ``pays``, a lost answer leaves a doubt."""
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        headers = {} if data is None else {"Content-Type": "application/json"}
        return await self._sent(method, path, data, headers, _LONG if pays else _SECONDS, pays=pays)

    async def upload(self, path: str, name: str, content: bytes, **fields: str) -> Any:
        """Upload a file, with further fields of the form. Return the JSON object of the answer."""
        form = aiohttp.FormData()
        for field, value in fields.items():
            form.add_field(field, value)
        form.add_field("file", content, filename=name, content_type="application/jsonl")
        return await self._sent("POST", path, form, {}, _LONG, pays=False)

    async def rows(self, path: str) -> AsyncIterator[dict[str, Any]]:
        """Read the lines of JSON at a path. Raises DamagedError behind the last line if lines are no objects."""
        at, rest, damaged = self.endpoint, bytearray(), 0
        try:
            async with self._open("GET", path, None, {}, _LONG) as answer:
                if not 200 <= answer.status < 300:
                    raise failure(at, answer.status, answer.headers, await answer.content.read(_ERROR))
                async for chunk in answer.content.iter_any():
                    rest += chunk
                    if len(rest) > _LONGEST_LINE and b"\n" not in rest:
                        raise RefusedError(f"{at.model}: {at.host} sent a result of more than 32 MiB")
                    *whole, last = rest.split(b"\n")
                    rest = bytearray(last)
                    for line in whole:
                        if (found := _object(line)) is not None:
                            yield found
                        damaged += found is None and bool(line.strip())
        except CallError as error:
            raise _harmless(error) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            raise _harmless(wire_failure(at, problem, sent=False, seconds=_LONG)) from None
        if (found := _object(rest)) is not None:
            yield found
        damaged += found is None and bool(rest.strip())
        if damaged:
            raise DamagedError(f"{at.model}: {at.host} sent results that are not lines of JSON")

    def _open(self, method: str, path: str, data: Any, headers: Mapping[str, str], seconds: float) -> Any:
        self.start()
        assert self._session is not None
        return self._session.request(
            method,
            self.endpoint.base_url + path,
            data=data,
            headers=headers,
            proxy=self.endpoint.way.proxy,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=seconds),
        )

    async def _sent(
        self, method: str, path: str, data: Any, headers: Mapping[str, str], seconds: float, *, pays: bool
    ) -> Any:
        at = self.endpoint
        try:
            async with self._open(method, path, data, headers, seconds) as answer:
                raw = bytearray()
                async for chunk in answer.content.iter_any():
                    raw += chunk
                    if len(raw) > _MOST:
                        raise RefusedError(f"{at.model}: {at.host} sent an answer of more than 256 MiB")
                if answer.status == 204:
                    return {}
                return _read(at, answer.status, answer.headers, raw)
        except CallError as error:
            if pays and isinstance(error, AnswerError):
                raise InDoubtError(f"{error}; it may have been paid") from None
            raise error if pays else _harmless(error) from None
        except asyncio.CancelledError:
            raise
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            sent = pays and not isinstance(problem, aiohttp.ClientConnectorError)
            lost = wire_failure(at, problem, sent=sent, seconds=seconds)
            raise lost if pays else _harmless(lost) from None


def _read(at: HttpEndpoint, status: int, headers: Mapping[str, str], raw: bytearray) -> dict[str, Any]:
    """Read the answer. A field ``error`` of a submission or of a file is none of the answer itself."""
    if not 200 <= status < 300:
        raise failure(at, status, headers, raw)
    found = _object(raw)
    return read_answer(at, status, headers, raw) if found is None else found


def _object(line: bytes | bytearray) -> dict[str, Any] | None:
    try:
        found = json.loads(line) if line.strip() else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _harmless(error: CallError) -> CallError:
    """Return the error of a request that costs nothing, so that it may be sent again."""
    if isinstance(error, InDoubtError | AnswerError):
        said = str(error).replace("; it may have been paid", "")
        return RefusedError(said, status=error.status, retry_after=error.retry_after)
    return error
