"""The files that a flow reads, and the inputs of the program."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from .answers import Misfit, Reader
from .failures import Failure, failure_of


def read_file(folder: Path, path: str) -> str:
    """Return the text of a file."""
    try:
        return (folder / path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: {error}") from None


def lines_in(folder: Path, path: str) -> list[str]:
    return [line for line in read_file(folder, path).splitlines() if line.strip()]


def taken(name: str, value: Any, reader: Reader) -> Any:
    """Check an input of the flow."""
    try:
        return reader(value, name)
    except Misfit as error:
        raise SystemExit(f"the input `{name}` {error}") from None


async def called(name: str, reader: Reader, function: Callable[..., Any], **given: Any) -> Any:
    """Call a function of another module, in a thread if it is not async, and check its result."""
    try:
        if asyncio.iscoroutinefunction(function):
            value = await function(**given)
        else:
            value = await asyncio.to_thread(function, **given)
        return reader(value, "")
    except Exception as error:
        raise Failure(f"{name}: {error}") from error


def main(flow: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    """Run the flow with the inputs of the command line, a JSON object, and print its value as JSON."""
    if len(sys.argv) > 2 or sys.argv[1:] in (["-h"], ["--help"]):
        raise SystemExit(f"usage: {Path(sys.argv[0]).name} '{{\"input\": …}}'")
    try:
        inputs = json.loads(sys.argv[1]) if sys.argv[1:] else {}
        json.dumps(inputs, ensure_ascii=False, allow_nan=False).encode()
        work = flow(**inputs)
    except (ValueError, TypeError, RecursionError) as error:
        raise SystemExit(f"the inputs must be a JSON object with the parameters of the flow: {error}") from None

    async def run() -> Any:
        return await work

    try:
        value = asyncio.run(run())
    except Exception as error:  # noqa: BLE001
        print(failure_of(error), file=sys.stderr, flush=True)
        os._exit(3)
    print(json.dumps(value, ensure_ascii=False, indent=1), flush=True)
    # Requests that nobody waits for are left behind.
    os._exit(0)
