"""Commands as forks of a process that has the modules loaded: a start takes a tenth of the processor's time.

Each is a process with pipes, an environment, a folder and an exit code of its own, in Python's development mode.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

PACKAGES = (
    "flowrun.dsl",
    "flowrun.runtime.cli",
    "flowrun.runtime.engine",
    "flowrun.runtime.dispatch",
    "flowrun.runtime.journal",
    "flowrun.runtime.account",
    "flowrun.runtime.eject",
    "flowrun.runtime.ide",
    "flowrun.runtime.pages",
    "flowrun.runtime.providers",
    "flowrun.runtime.reducers",
    "flowrun.runtime.session",
    "flowrun.runtime.vocabulary",
)
Ended = Callable[[], Awaitable[int]]
AT_START = ("PYTHON", "LC_", "LANG")
"""Variables that Python reads while it starts have names that begin so. A fork would not see them."""

SOURCE = """
import sys
sys.path.append({tests!r})
from support.forked import serve
serve()
from support.forked import run_command
run_command()
"""


def fits(environ: Mapping[str, str]) -> bool:
    """Tell whether a fork behaves as a process that starts with this environment does."""
    return not any(name.startswith(AT_START) for name in environ)


class Started:
    """A command that runs, with its pipes. It has what tests use of `asyncio.subprocess.Process`."""

    def __init__(
        self, pid: int, pipes: tuple[asyncio.WriteTransport, asyncio.StreamReader, asyncio.StreamReader], end: Ended
    ) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = pipes
        self.returncode: int | None = None
        self._end = asyncio.ensure_future(end())

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for the exit code, which is negative for a signal."""
        self.returncode = await asyncio.shield(self._end)
        return self.returncode


async def begin(
    python: Sequence[str], arguments: Sequence[str], folder: Path, environ: Mapping[str, str], limit: int = 1 << 16
) -> Started:
    """Start ``flowrun ARGUMENTS``. ``limit`` is that of a line which is read from its pipes."""
    loop = asyncio.get_running_loop()
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()
    read_err, write_err = os.pipe()
    theirs = [read_in, write_out, write_err]
    request = json.dumps([list(arguments), str(folder), dict(environ)], ensure_ascii=True).encode()
    connection, other = socket.socketpair()
    try:
        try:
            socket.send_fds(_forker(tuple(python)), [b"."], [other.fileno(), *theirs])
        finally:
            other.close()
            for number in theirs:
                os.close(number)
        connection.sendall(len(request).to_bytes(8, "little") + request)
        connection.setblocking(False)
        pid = int.from_bytes(await loop.sock_recv(connection, 8), "little")
    except BaseException:
        connection.close()
        raise

    async def end() -> int:
        with connection:
            return int.from_bytes(await loop.sock_recv(connection, 8), "little", signed=True)

    stdin, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(write_in, "wb", 0))
    return Started(pid, (stdin, await _reader(read_out, limit), await _reader(read_err, limit)), end)


async def _reader(number: int, limit: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit)
    # The transport closes itself at the end of the pipe.
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(number, "rb", 0)
    )
    return reader


async def run(
    python: Sequence[str], arguments: Sequence[str], folder: Path, environ: Mapping[str, str], stdin: bytes
) -> tuple[int, bytes, bytes]:
    """Run ``flowrun ARGUMENTS`` to its end and return its exit code, negative for a signal, and what it wrote."""
    started = await begin(python, arguments, folder, environ)
    try:
        # The command may end without reading: the transport drops the rest then.
        started.stdin.write(stdin)
        started.stdin.close()
        out, err = await asyncio.gather(started.stdout.read(), started.stderr.read())
        code = await started.wait()
    except BaseException:
        started.kill()
        raise
    return code, out, err


@functools.cache
def _forker(python: tuple[str, ...]) -> socket.socket:
    """Start the process that forks, once for each process of tests. It ends when this end of its socket is closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [*python, "-c", SOURCE.format(tests=str(Path(__file__).resolve().parents[1]))],
            env={"PATH": os.environ["PATH"]},
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def serve() -> None:
    """Serve requests until the input ends. In a fork the function returns: it is the process that was asked for."""
    _load()
    control = socket.socket(fileno=0)
    children = 0
    while True:
        asked, numbers, _, _ = socket.recv_fds(control, 1, 4)
        if not asked:
            os._exit(0)
        number, *streams = numbers
        while children and os.waitpid(-1, os.WNOHANG)[0]:
            children -= 1
        if not os.fork():
            break
        children += 1
        for one in (number, *streams):
            os.close(one)
    control.detach()
    connection = socket.socket(fileno=number)
    size = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "little")
    request = connection.recv(size, socket.MSG_WAITALL)
    pid = os.fork()
    if not pid:
        connection.close()
        _become(streams, *json.loads(request))
        return
    for one in streams:
        os.close(one)
    connection.sendall(pid.to_bytes(8, "little"))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    connection.sendall(code.to_bytes(8, "little", signed=True))
    os._exit(0)


def run_command() -> None:
    """Run the command and end the process as Python does, without freeing all modules one by one."""
    from flowrun.runtime.cli import main

    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code or 0
    threading._shutdown()  # type: ignore[attr-defined]
    # An object that nobody holds is freed here, and warns here if it is still open.
    gc.collect()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    assert isinstance(code, int)
    os._exit(code)


def _load() -> None:
    """Import what commands use, read the grammar, and make what reads plans."""
    importlib.import_module("aiohttp")
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    importlib.import_module("support.warm")
    # The forks share these pages of memory as long as the collector does not look through them.
    gc.collect()
    gc.freeze()


def _become(streams: list[int], arguments: list[str], folder: str, environ: dict[str, str]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.path.pop()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["-c", *arguments]
    encoding = sys.stdout.encoding
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), encoding, sys.stdin.errors)  # noqa: SIM115
    sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), encoding, sys.stdout.errors)  # noqa: SIM115
    sys.stderr = io.TextIOWrapper(open(2, "wb", 0, closefd=False), encoding, "backslashreplace", write_through=True)  # noqa: SIM115
