"""The loop of the server: the messages of one editor, one after the other."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from contextlib import suppress

from lsprotocol import types as lsp

from .features import register
from .pictures import PlanView
from .server import FlowServer
from .wire import Broken, Reader, Stream, Writer, messages

SWITCH = 0.001
"""The seconds after which a check lets an answer run. Python's usual five thousandths are felt at each hover."""


async def serve(server: FlowServer, stream: Stream, out: int) -> int:
    """Answer the messages of a stream until its end, or until the editor ends the server. Return the exit code."""
    writer = Writer(out)
    server.protocol.set_writer(writer)
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[bytes | Broken | None] = asyncio.Queue()

    def read() -> None:
        # A loop that is closed takes nothing more: the server has ended.
        with suppress(RuntimeError):
            with suppress(OSError):
                for message in messages(stream):
                    loop.call_soon_threadsafe(waiting.put_nowait, message)
            loop.call_soon_threadsafe(waiting.put_nowait, None)

    threading.Thread(target=read, name="messages", daemon=True).start()
    while server.code is None and not writer.gone and (message := await waiting.get()) is not None:
        if isinstance(message, Broken):
            server.protocol.refuse(None, lsp.ErrorCodes.ParseError, message.reason)
        else:
            server.protocol.take(message)
        # A request begins before the next message changes the text that it is about.
        await asyncio.sleep(0)
    return (0 if server.protocol.over else 1) if server.code is None else server.code


def main(given: int, out: int, plan_view: PlanView) -> int:
    """Serve one editor. Everything but the protocol goes to standard error. Return the exit code.

    ``given`` and ``out`` are the numbers of the streams from the editor and to it. ``plan_view`` writes the bounds of
    a plan.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="flowrun lsp: %(message)s")
    # Faults are told by the server, each once.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    sys.setswitchinterval(SWITCH)
    server = FlowServer()
    register(server, plan_view)
    return asyncio.run(serve(server, Reader(given), out))
