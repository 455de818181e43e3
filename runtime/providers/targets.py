"""The address of one kind of request: its connections, and the head that all of its requests share."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from functools import lru_cache

import aiohttp
from yarl import URL

from .connections import Connections
from .endpoints import HttpEndpoint

# A control character in a header would begin another header (RFC 9110, 5.5).
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Target:
    """A path of an endpoint. ``head`` writes the head of a request, of which most is written once."""

    __slots__ = ("_head", "_route", "connections", "endpoint", "url")

    def __init__(
        self,
        endpoint: HttpEndpoint,
        path: str,
        loop: asyncio.AbstractEventLoop,
        connections: Callable[[aiohttp.ClientRequest], Connections],
    ) -> None:
        # The endpoint lives as long as the target, which is found by the endpoint's identity.
        self.endpoint = endpoint
        self._route = _route(endpoint, path, loop)
        self.url = str(self._route.url)
        self.connections = connections(self._route)
        self._head = b""

    def head(self, length: int, idempotency_key: str, signed: Mapping[str, str] | None = None) -> bytes:
        """Return the head of a request with a body of this length. A connection must have been made before.

        ``signed`` are the headers of this request alone.
        """
        if not self._head:
            self._head = self._written()
        head = self._head if signed is None else self._head + _lines(signed)
        if not idempotency_key:
            return b"%bContent-Length: %d\r\n\r\n" % (head, length)
        key = (idempotency_key if idempotency_key.isalnum() else _safe(idempotency_key)).encode()
        return b"%bIdempotency-Key: %b\r\nContent-Length: %d\r\n\r\n" % (head, key, length)

    def _written(self) -> bytes:
        route = self._route
        headers = dict(route.headers)
        where = route.url.raw_path_qs
        if route.proxy is not None and not route.is_ssl():
            # A proxy reads the whole address. aiohttp adds the proxy's password to the request that it connects for.
            where = str(route.url)
            if password := self.connections.route.headers.get("Proxy-Authorization"):
                headers["Proxy-Authorization"] = password
        return f"{_safe(f'POST {where} HTTP/1.1')}\r\n".encode() + _lines(headers)


def _route(endpoint: HttpEndpoint, path: str, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientRequest:
    try:
        url = URL(endpoint.base_url + path)
        if endpoint.signer is not None:
            # A signature covers the path as the provider wrote it; the class would undo some of its escapes.
            url = URL(str(URL(endpoint.base_url)).rstrip("/") + path, encoded=True)
    except ValueError:
        raise aiohttp.InvalidURL(endpoint.base_url) from None
    if url.scheme not in ("http", "https"):
        raise aiohttp.InvalidURL(endpoint.base_url)
    headers = {**endpoint.headers, "Content-Type": "application/json"}
    proxy = URL(endpoint.way.proxy) if endpoint.way.proxy else None
    context = _context(endpoint.way.ca) if endpoint.way.ca else True
    route = aiohttp.ClientRequest("POST", url, headers=headers, proxy=proxy, loop=loop, ssl=context)
    # It is the length of no body.
    route.headers.popall("Content-Length", None)
    return route


@lru_cache(maxsize=64)
def _context(ca: str) -> ssl.SSLContext:
    """Return the context for servers that are checked against the certificates of a file, and not the system's."""
    return ssl.create_default_context(cafile=ca)


def _lines(headers: Mapping[str, str]) -> bytes:
    return "".join(f"{_safe(f'{name}: {value}')}\r\n" for name, value in headers.items()).encode()


def _safe(line: str) -> str:
    if _CONTROL.search(line):
        raise ValueError("a header contains a control character")
    return line
