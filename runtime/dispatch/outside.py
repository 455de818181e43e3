"""The work that a run has done outside of the event loop's own tasks: Python functions and reads of files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from ..engine.decisions import LaunchExtern, Read
from ..vocabulary.errors import FlowrunError, UsageError
from ..vocabulary.json_value import Json
from .ledger import NoLog

CallExtern = Callable[[str, Mapping[str, Json]], Awaitable[Json]]
"""A function that calls an extern, by its key, with its arguments. Raises FlowrunError."""
DoRead = Callable[[str, Mapping[str, Json], Callable[[], None]], Awaitable[Json]]
"""A function that does a read, by the name of its function, with its arguments. Raises FlowrunError.

It calls the third argument as soon as it knows that the read will take long.
"""


async def no_python(extern: str, args: Mapping[str, Json]) -> Json:
    raise UsageError(f"this run may not run Python, and the extern `{extern}` would")


async def no_files(function: str, args: Mapping[str, Json], slow: Callable[[], None]) -> Json:
    raise UsageError(f"`{function}` reads a file, and no file may be read here")


async def called(launch: LaunchExtern, call: CallExtern, log: NoLog) -> Json | FlowrunError:
    """Call an extern, and note its value or its error."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    value: Json | FlowrunError
    try:
        value = await call(launch.extern, launch.args)
    except FlowrunError as error:
        value = error
    if log.notes is not None:
        times = log.clock.milliseconds(began), log.clock.milliseconds(loop.time())
        log.notes.extern_ended(launch.path, launch.extern, value, *times)
    return value


async def done(read: Read, do_read: DoRead, slow: Callable[[], None]) -> Json:
    """Do a read. Return its value, or its FlowrunError."""
    try:
        return await do_read(read.function, read.args, slow)
    except FlowrunError as error:
        return error
