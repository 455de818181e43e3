"""The HTTP server of flows: its address, its token, and its orderly end."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web

from flowrun.dsl import dataclass

from ..providers.addresses import is_loopback
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .http_app import App
from .http_guard import Guard
from .idle import IdleConnections
from .runs import Runs
from .tools import Tool

VARIABLE = "FLOWRUN_TOKEN"
LEAST_TOKEN = 16
"""The fewest characters of a token."""
_HTTP = 80
_LOGGER = logging.getLogger("flowrun.serve")
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """The place at which a server listens. Port 0 is any free one. ``names`` are further values of the
    header Host, such as those of a proxy."""

    host: str
    port: int
    names: tuple[str, ...] = ()

    @property
    def local(self) -> bool:
        """True if only this machine can reach it."""
        return is_loopback(f"http://{_written(self.host)}/")


@dataclass(frozen=True, slots=True)
class Token:
    """The token of a server. A token that the server ``made`` itself is printed once."""

    text: str
    made: bool


def token_of(environ: Mapping[str, str], file: Path | None) -> Token:
    """Return the token of the variable or of a file; without both, make one.

    Raises UsageError for a token that is short or no text of one line, and for a file that others may read.
    """
    given, where = environ.get(VARIABLE, ""), VARIABLE
    if file is not None:
        where = shown(str(file))
        try:
            mode = file.stat().st_mode
            given = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise UsageError(f"--token-file {where} cannot be read: {why}") from None
        if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(f"--token-file {where} can be read by others: write `chmod 600 {file}`")
    elif not given:
        return Token(secrets.token_urlsafe(32), made=True)
    if len(given) < LEAST_TOKEN or not given.isascii() or not given.isprintable() or " " in given:
        raise UsageError(
            f"the token of {where} must have at least {LEAST_TOKEN} letters, digits and signs of ASCII, and no blank: "
            "make one by `openssl rand -hex 32`"
        )
    return Token(given, made=False)


class HttpServer:
    """The server. ``address`` is known when the port is open."""

    def __init__(self, place: Place) -> None:
        """Open the port. Raises UsageError if that is not possible."""
        self._place = place
        if not place.host.strip():
            # The system would take an empty host for all addresses.
            raise UsageError("--host needs an address, such as 127.0.0.1")
        family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        try:
            self._socket = socket.create_server((place.host, place.port), family=family, backlog=512)
        except socket.gaierror:
            raise UsageError(
                f"the host {shown(place.host)} is not known: give an address of this machine, such as --host 0.0.0.0"
            ) from None
        except (OSError, UnicodeError) as error:
            number = error.errno if isinstance(error, OSError) else None
            why = os.strerror(number) if number else "it is no address"
            raise UsageError(
                f"the server cannot listen at {_written(place.host)}:{place.port} ({why}): choose another --port, or "
                "--port 0 for a free one"
            ) from None
        self.port: int = self._socket.getsockname()[1]
        self._runner: web.AppRunner | None = None
        self._sweep: asyncio.Future[None] | None = None

    @property
    def address(self) -> str:
        return f"http://{_written(self._place.host)}:{self.port}"

    def close(self) -> None:
        """Close the port."""
        self._socket.close()

    async def start(self, tools: Mapping[str, Tool], runs: Runs, token: Token, version: str, tell: Tell) -> None:
        """Begin to answer."""
        _LOGGER.disabled = True
        idle = IdleConnections()
        app = App(tools, runs, version).made(Guard(hosts_of(self._place, self.port), token.text, tell), idle)
        self._runner = web.AppRunner(
            app, access_log=None, logger=_LOGGER, handler_cancellation=True, shutdown_timeout=2
        )
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        self._sweep = asyncio.ensure_future(idle.end(lambda: server.connections))
        await web.SockSite(self._runner, self._socket).start()

    async def finish(self, runs: Runs, grace: float, hurry: asyncio.Event) -> None:
        """Take no more runs, let those that go on end within ``grace`` seconds, and stop the others.

        ``hurry`` ends the grace early.
        """
        runs.closing = True
        over = asyncio.ensure_future(runs.ended())
        hurried = asyncio.ensure_future(hurry.wait())
        try:
            await asyncio.wait((over, hurried), timeout=grace, return_when=asyncio.FIRST_COMPLETED)
            runs.stop()
            await over
        finally:
            hurried.cancel()
            # The callers of the last runs get their answers.
            await asyncio.sleep(0.1)
            if self._runner is not None and self._sweep is not None:
                self._sweep.cancel()
                await self._runner.cleanup()


def hosts_of(place: Place, port: int) -> tuple[str, ...]:
    """Return the values of the header Host that are answered. Empty if they are not known, as behind 0.0.0.0."""
    if not place.local:
        return place.names
    own = [f"{_written(name)}:{port}" for name in (place.host, "127.0.0.1", "localhost", "::1")]
    return (*own, *(one.rpartition(":")[0] for one in own if port == _HTTP), *place.names)


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host
