"""The work that a run has done outside of the event loop's own tasks: Python functions and reads of files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json

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
