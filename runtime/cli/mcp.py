"""`flowrun mcp`: flows as tools for MCP clients."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import click

from ..vocabulary.errors import UsageError
from . import exits
from .served_options import ServedCommand


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

        async def main() -> int:
            await found.must_be_ready()
            for line in ("tools for an MCP client:", *start_lines(found.tools, found.runs, given["total_budget"])):
                print_line(line)
            server = ToolServer(found.tools, found.runs, version("flowrun-dsl"))
            return await _until_stopped(server)

        with found.runs.opened():
            code = asyncio.run(main())
    if code:
        sys.stderr.flush()
        # A thread still reads the standard input, and would keep Python from ending.
        os._exit(code)
    return exits.DONE


async def _until_stopped(server: Any) -> int:
    """Serve until the input ends, or until a signal. Return the exit code: 0, or 128 and the number of the signal."""
    loop, heard = asyncio.get_running_loop(), list[int]()
    serving = asyncio.ensure_future(server.serve())

    def stop(number: signal.Signals) -> None:
        if heard:
            os._exit(128 + number)
        heard.append(128 + number)
        serving.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        await serving
    except asyncio.CancelledError:
        if not heard:
            raise
    return heard[0] if heard else exits.DONE
