"""The guard of the HTTP server: who is answered, and how faults are told."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import web

from ..vocabulary.errors import FlowrunError, mistake_in
from .runs import BusyError, ClosingError, SpentError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OPEN = frozenset(("/health", "/ready"))
"""The paths that need no token. They tell nothing about flows and runs."""
_LATER = {"Retry-After": "1"}
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


class RefusedRequestError(Exception):
    """A request is refused with a status and a sentence."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Guard:
    """The check of each request, before anything reads its body.

    ``hosts`` are the values of the header Host that are answered; empty answers all. Without a ``token`` nobody needs
    one. ``tell`` prints a line for the user of the server.
    """

    def __init__(self, hosts: Collection[str], token: str, tell: Callable[[str], None]) -> None:
        self._hosts = frozenset(one.lower() for one in hosts)
        self._token = _digest(token) if token else b""
        self._tell = tell

    @web.middleware
    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, or refuse it.

        The check of the host keeps out a site whose name leads to this machine (DNS rebinding). Other sites get no
        answer either: no header of CORS is sent, and a request of a browser from another origin is refused.
        """
        refused = self._refusal(request)
        if refused is not None:
            return refused
        try:
            response = await handler(request)
        except web.HTTPException as error:
            return _of_http(error)
        except RefusedRequestError as error:
            return problem(error.status, str(error))
        except FlowrunError as error:
            return _of_run(error)
        except ConnectionError:
            raise  # the client hung up
        except Exception as error:  # noqa: BLE001  one request never ends the server
            self._tell(f"this is a bug in flowrun: {mistake_in(error)}")
            return problem(500, f"this is a bug in flowrun: {mistake_in(error)}")
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    def _refusal(self, request: web.Request) -> web.Response | None:
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or (self._hosts and hosts[0].lower() not in self._hosts):
            return problem(403, "this host is not served here")
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2].lower() != hosts[0].lower():
            return problem(403, "pages of other sites are not served here")
        if not self._token or request.path in OPEN:
            return None
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(_digest(given.strip()), self._token):
            missing = problem(401, "the token is missing or wrong: send the header `Authorization: Bearer TOKEN`")
            missing.headers["WWW-Authenticate"] = "Bearer"
            return missing
        return None


def problem(status: int, why: str, **more: Any) -> web.Response:
    """Return an error as JSON."""
    later = _LATER if status in (429, 503) else {}
    return web.json_response({"error": why, **more}, status=status, headers={**_HEADERS, **later})


def _of_http(error: web.HTTPException) -> web.Response:
    if error.status == 404:
        return problem(404, "there is no such path: GET /openapi.json describes all of them")
    if error.status == 405:
        found = problem(405, "this path takes another method")
        found.headers["Allow"] = error.headers.get("Allow", "")
        return found
    if error.status == 413:
        return problem(413, "the body is too long")
    return problem(error.status, error.reason or "the request is wrong")


def _of_run(error: FlowrunError) -> web.Response:
    """Return an error that kept a run from beginning."""
    if isinstance(error, BusyError) or (isinstance(error, SpentError) and error.held):
        return problem(429, str(error))
    if isinstance(error, ClosingError):
        return problem(503, str(error))
    return problem(402 if isinstance(error, SpentError) else 422, str(error))


def _digest(token: str) -> bytes:
    # Texts of one length, so that the comparison does not tell the length of the token.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
