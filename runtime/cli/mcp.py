"""`flowrun mcp`: flows as tools for MCP clients."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from ..vocabulary.errors import UsageError
from . import exits
from .served_options import ServedCommand

if TYPE_CHECKING:
    from ..serve.mcp_server import ToolServer


@click.command("mcp", cls=ServedCommand, short_help="Serve flows as tools for MCP clients.")
def command(**given: Any) -> int:
    """Serve flows as tools of the Model Context Protocol, over standard input and output.

    A client starts this command, and its model sees each flow of the files as a tool, with the types of its parameters
    and of its value, its bounds and its budget. PATHS are files, folders and patterns.

    The answers of all calls are kept in one journal: to repeat a call costs nothing.
    """
    if find_spec("mcp") is None:
        raise UsageError("`flowrun mcp` needs the SDK of the protocol: pip install 'flowrun-dsl[mcp]'")
    from .served import print_line, served, start_lines
    from .tracing import tracing

    with tracing(quiet=True) as traces:
        found = served(given, print_line, traces)
        from ..serve.mcp_server import ToolServer

        server = ToolServer(found.tools, found.runs, version("flowrun-dsl"))

        async def serve() -> int:
            with found.runs.opened():
                await found.must_be_ready()
                lines = start_lines(found.tools, found.runs, given["total_budget"])
                for line in ("tools for an MCP client:", *lines):
                    print_line(line)
                code = await _until_stopped(server)
            if code:
                sys.stderr.flush()
                # A thread still reads the standard input, and would keep Python from ending.
                os._exit(code)
            return code

        return asyncio.run(serve())


async def _until_stopped(server: ToolServer) -> int:
    """Serve until the input ends, or until a signal. Return the exit code: 0, or 128 and the number of the signal."""
    loop, heard = asyncio.get_running_loop(), list[int]()
    stopped = asyncio.Event()

    def stop(number: signal.Signals) -> None:
        if heard:
            # The journal is safe, so there is no reason to wait.
            os._exit(128 + number)
        heard.append(128 + number)
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    serving, stopping = asyncio.ensure_future(server.serve()), asyncio.ensure_future(stopped.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not heard:
        await serving
        return exits.DONE
    await server.leave()
    return heard[0]
