"""The command `flowrun` as a person starts it, in Python's development mode, and its output."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import forked
from .patience import PATIENCE

# Development mode without its checks of memory in C, which take a quarter of a command's time.
PYTHON = ["env", "PYTHONMALLOC=default", sys.executable, "-X", "dev", "-W", "error"]
COMMAND = [*PYTHON, "-c", "from flowrun.runtime.cli import main; main()"]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


async def command(*arguments: str, folder: Path, stdin: str = "", **environ: str) -> Ran:
    """Run the command to its end, as a fork where Python starts no other way for this environment."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), **environ}
    if forked.fits(environ):
        running = forked.run(PYTHON, arguments, folder, environ, stdin.encode())
        code, out, err = await asyncio.wait_for(running, PATIENCE)
    else:
        code, out, err = await _start(arguments, folder, environ, stdin.encode())
    assert "Traceback" not in err.decode()
    # Development mode reports slow callbacks; on a busy machine an import is one.
    told = "".join(line for line in err.decode().splitlines(True) if not line.startswith("Executing <"))
    return Ran(code, out.decode(), told)


async def _start(
    arguments: tuple[str, ...], folder: Path, environ: dict[str, str], stdin: bytes
) -> tuple[int, bytes, bytes]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        cwd=folder,
        env=environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(stdin), PATIENCE)
    assert process.returncode is not None
    return process.returncode, out, err


def chat(*texts: str) -> dict[str, Any]:
    """Make a reply of a chat server with these answers."""
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for index, text in enumerate(texts)
    ]
    return {"choices": choices, "usage": {"prompt_tokens": 9, "completion_tokens": len(texts)}}
