"""`flowrun serve`: flows over HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import closing
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import click

from .finite import FiniteRange
from .paths import PathThatIs
from .served_options import ServedCommand

if TYPE_CHECKING:
    from .served import Served

_GRACE = 25.0
"""The seconds that runs have to end after the first signal. Kubernetes kills after 30."""


@click.command("serve", cls=ServedCommand, short_help="Serve flows over HTTP.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Listen at this address.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8484,
    show_default=True,
    metavar="N",
    help="The port; 0: any free.",
)
@click.option(
    "--served-as",
    multiple=True,
    metavar="HOST[:PORT]",
    help="A further value of the header Host, as a proxy sends it.",
)
@click.option("--token-file", type=PathThatIs(), metavar="FILE", help="The file that has the token.")
@click.option(
    "--grace",
    type=FiniteRange(min=0),
    default=_GRACE,
    show_default=True,
    metavar="SECONDS",
    help="The time that runs have to end after the first ^C or SIGTERM.",
)
def command(**given: Any) -> int:
    """Serve flows over HTTP. PATHS are files, folders and patterns.

    POST /flows/NAME with the inputs as JSON runs a flow; GET /openapi.json describes all paths. Each request needs a
    token, which is that of the variable FLOWRUN_TOKEN or of --token-file, or else is made and printed once.

    The first ^C or SIGTERM takes no more runs, and gives those that go on the seconds of --grace. Then they are stopped
    and kept in the journal. The second one stops them at once, and the third ends the process.
    """
    from ..serve.http_server import HttpServer, Place, token_of
    from .served import print_line, served
    from .tracing import tracing

    with tracing(quiet=True) as traces:
        found = served(given, print_line, traces)
        token = token_of(os.environ, given["token_file"])
        place = Place(given["host"], given["port"], tuple(given["served_as"]))
        with closing(HttpServer(place)) as server, found.runs.opened():
            return asyncio.run(_serve(found, server, token, given))


async def _serve(found: Served, server: Any, token: Any, given: dict[str, Any]) -> int:
    from .served import print_line, start_lines

    await found.must_be_ready()
    loop, hurry, heard = asyncio.get_running_loop(), asyncio.Event(), asyncio.Queue[int]()
    signals: list[int] = []

    def stop(number: signal.Signals) -> None:
        signals.append(number)
        if len(signals) == 1:
            print_line(f"flowrun: {number.name}: no more runs are taken; {found.runs.going:,} go on")
            heard.put_nowait(number)
        elif len(signals) == 2:
            print_line(f"flowrun: {number.name}: the runs send no more calls, and wait for the open ones")
            hurry.set()
        else:
            # The journal is safe, so there is no reason to wait.
            os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    await server.start(found.tools, found.runs, token, version("flowrun-dsl"), print_line)
    print_line(f"flowrun serves at {server.address}:")
    for line in start_lines(found.tools, found.runs, given["total_budget"]):
        print_line(line)
    if token.made:
        print_line(f"token: {token.text}")
    first = await heard.get()
    await server.finish(found.runs, given["grace"], hurry)
    return 128 + first
