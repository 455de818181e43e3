"""The start and the end of a worker process. It inherits one end of two pairs of sockets, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from flowrun.dsl import dataclass

from ..vocabulary.errors import UsageError
from .link import Link, shut

_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); "
    "from flowrun.runtime.session.worker import main; main(*map(int, sys.argv[1:]))"
)
_LOADER = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")
"""The variables without which an interpreter may not start."""
_PATIENCE = 1.0
"""The seconds that a worker has to end by itself."""


class Started(Protocol):
    """A worker that was started, on this machine or on another one. ``place`` says where, for a message."""

    @property
    def place(self) -> str: ...

    @property
    def questions(self) -> socket.socket: ...

    async def come(self) -> None:
        """Wait until its streams are there. Raises UsageError if it does not come."""

    async def link(self, heard: Callable[[dict[str, Any]], None], lost: Callable[[], None]) -> Link:
        """Open its stream of messages."""

    def told_end(self) -> str:
        """End it if it still runs, and say how it ended."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(eq=False, slots=True)
class WorkerProcess:
    """A worker process, with the driver's ends of its two streams."""

    process: subprocess.Popen[bytes]
    stream: socket.socket
    questions: socket.socket

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def place(self) -> str:
        return ""

    async def come(self) -> None:
        """Return at once: the streams are there from the start."""

    async def link(self, heard: Callable[[dict[str, Any]], None], lost: Callable[[], None]) -> Link:
        return await Link.over(self.stream, heard, lost)

    def told_end(self) -> str:
        return told_end(self.ended())

    def ended(self) -> int:
        """End the process if it still runs, and return its exit code. It is negative for a signal."""
        for end in (self.stream, self.questions):
            shut(end)
        try:
            return self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()


def start(environ: Mapping[str, str]) -> WorkerProcess:
    """Start a worker process with these environment variables, which may hold keys. Raises UsageError.

    It is in a process group of its own, so that ^C in a terminal reaches the driver alone.
    """
    if sys.platform == "win32" or not sys.executable:
        raise UsageError("worker processes need a Unix system and a Python interpreter: leave out --workers")
    stream, its_stream = socket.socketpair()
    questions, its_questions = socket.socketpair()
    numbers = its_stream.fileno(), its_questions.fileno()
    given = {name: os.environ[name] for name in _LOADER if name in os.environ} | dict(environ)
    command = [sys.executable, "-c", _PROGRAM, *map(str, numbers), json.dumps([one or os.getcwd() for one in sys.path])]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, env=given, pass_fds=numbers, process_group=0, close_fds=True
        )
    except OSError as error:
        for end in (stream, questions):
            end.close()
        raise UsageError(f"a worker process cannot be started: {error.strerror or error}") from None
    finally:
        its_stream.close()
        its_questions.close()
    return WorkerProcess(process, stream, questions)


def told_end(code: int) -> str:
    """Say how a process ended, from its exit code."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
