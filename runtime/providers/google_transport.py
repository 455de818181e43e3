"""The requests of google-auth itself, such as that for a token.

Its own ways to send them need further packages, or know no TLS. This module is loaded when the first token is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from google.auth import transport
from google.auth.exceptions import TransportError

_SECONDS = 20.0


class HttpReply(transport.Response):
    """An answer of a server, whatever its status is."""

    def __init__(self, status: int, headers: Any, data: bytes) -> None:
        self._status, self._headers, self._data = status, headers, data

    @property
    def status(self) -> int:
        return self._status

    @property
    def headers(self) -> Any:
        return self._headers

    @property
    def data(self) -> bytes:
        return self._data


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        """Follow no redirect: it would carry the account's proof to another host."""


class Transport(transport.Request):
    """A sender of requests that waits for the answer in its own thread."""

    def __init__(self) -> None:
        self._opener = build_opener(_Stay)

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> HttpReply:
        data = body.encode() if isinstance(body, str) else body
        request = Request(url, data, dict(headers or {}), method=method)
        unreached: Any = TransportError
        try:
            with self._opener.open(request, timeout=timeout or _SECONDS) as answer:
                return HttpReply(answer.status, answer.headers, answer.read())
        except HTTPError as error:
            with error:
                return HttpReply(error.code, error.headers, error.read())
        except OSError as error:
            raise unreached(f"{type(error).__name__}: {error}") from None
