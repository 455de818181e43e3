"""A worker as the driver sees it: its process, its two streams, and the requests that it has under way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field
from typing import Any

from flowrun.dsl import dataclass

from ..journal.wire import Frames, WireError, framed
from ..vocabulary.json_value import Json
from .event_forms import EventReader
from .link import Link
from .process import Started


@dataclass(eq=False, slots=True)
class OwnRows:
    """The rows of one worker. ``writing`` are on the way to the disk.

    ``sent`` counts the calls that the worker was about to send, each attempt.
    """

    writing: set[asyncio.Future[int]] = field(default_factory=set)
    sent: int = 0


@dataclass(eq=False, slots=True)
class WorkerHandle:
    """A worker. ``number`` counts from 1, and a worker that replaces a dead one has a number of its own.

    ``idle`` is True when it has stopped and has nothing under way, and ``halted`` when it was told to stop. ``scopes``
    are the numbers of those that it knows. ``over`` ends with it. ``refusal`` says why it cannot begin.
    """

    number: int
    process: Started
    events: EventReader
    link: Link | None = None
    ready: bool = False
    idle: bool = False
    halted: bool = False
    scopes: set[int] = field(default_factory=set)
    rows: OwnRows = field(default_factory=OwnRows)
    answering: asyncio.Task[None] | None = None
    refusal: str = ""
    over: asyncio.Future[None] = field(init=False)

    def send(self, message: dict[str, Json]) -> None:
        if self.link is not None:
            self.link.send(message)

    def send_now(self, message: dict[str, Json]) -> None:
        """Send a message without waiting for others of this turn of the loop."""
        if self.link is not None:
            self.link.send_now(message)


async def answer(questions: socket.socket, reply: Callable[[dict[str, Any]], dict[str, Json]]) -> None:
    """Answer the questions of a worker until its stream ends."""
    loop = asyncio.get_running_loop()
    questions.setblocking(False)
    frames = Frames()
    try:
        while data := await loop.sock_recv(questions, 1 << 16):
            for question in frames.feed(data):
                await loop.sock_sendall(questions, framed(reply(question)))
    except OSError:
        return  # the worker is gone, and its link tells so
    except WireError:
        # It may wait for an answer for ever otherwise.
        with suppress(OSError):
            questions.shutdown(socket.SHUT_RDWR)
