"""The driver's answers to workers on other machines that fetch files."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from ..journal.wire import Frames, WireError, framed
from ..vocabulary.json_value import Json


async def answer_files(end: socket.socket, reply: Callable[[dict[str, Any]], dict[str, Json]]) -> None:
    """Answer the questions of a worker about files until its stream ends. ``reply`` runs in a thread."""
    loop = asyncio.get_running_loop()
    end.setblocking(False)
    frames = Frames()
    try:
        while data := await loop.sock_recv(end, 1 << 16):
            for question in frames.feed(data):
                told = await asyncio.to_thread(reply, question)
                await loop.sock_sendall(end, framed(told))
    except (OSError, WireError):
        return  # the worker is gone, and its link tells so
