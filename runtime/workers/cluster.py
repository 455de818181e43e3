"""The cluster of a run as its driver sees it: the process that speaks to Ray, and the workers that come from there."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flowrun.dsl import dataclass

from ..vocabulary.amounts import count_text
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from .far_process import PLACE_SECONDS, FarProcess
from .gate import Gate
from .link import Link
from .placer_words import given_up, no_answer

LOCAL = "ray"
"""The engine that starts a cluster of its own on this machine."""
OPEN_SECONDS = 180.0
"""The seconds that a local cluster may take to start. On a busy machine it can take more than a minute."""
FIND_SECONDS = 60.0
"""The seconds that a cluster at an address may take to answer. Where nothing listens, the refusal comes at once."""
_PROBE_SECONDS = 4.0
_GONE = "the process that speaks to Ray has ended"
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); "
    "from flowrun.runtime.workers.placer import main; main(int(sys.argv[1]), sys.argv[2])"
)
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "USER", "LOGNAME", "LD_LIBRARY_PATH")
"""The variables that Ray's processes get, beside those whose names begin with one of ``_KEPT_KINDS``: no keys."""
_KEPT_KINDS = ("RAY_", "PYTHON", "DYLD_")
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_LOG_TO_DRIVER": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
}
_LONGEST = 40
"""The most characters of the folder of temporary files, because the names of Ray's sockets have little room."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The facts of an open cluster: the address of this node, the CPUs and the nodes in all, and Ray's version."""

    host: str
    cpus: int
    nodes: int
    version: str


class Cluster:
    """A Ray cluster that is open for one run. ``address`` is "" for one that is started on this machine."""

    def __init__(self, address: str, environ: Mapping[str, str]) -> None:
        if sys.platform == "win32" or not sys.executable:
            raise UsageError("the engine ray needs a Unix system and a Python interpreter: leave out --engine")
        self.address = address
        self._environ = environ
        self._folder = "" if address else _short_folder()
        self._process: subprocess.Popen[bytes] | None = None
        self._link: Link | None = None
        self._answer: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()
        self._processes: dict[int, FarProcess] = {}
        self._numbers = 0
        self._gone = False
        self.gate: Gate
        self.opened: Opened

    async def open(self, workers: int) -> Opened:
        """Open the cluster for so many workers; 0 takes as many as it has CPUs. Raises UsageError."""
        if self.address:
            await _must_answer(self.address)
        self._begin()
        seconds = FIND_SECONDS if self.address else OPEN_SECONDS
        mine, its = socket.socketpair()
        try:
            self._process = self._started(its)
        finally:
            its.close()
        self._link = await Link.over(mine, self._hear, self._lost)
        cpus = workers or os.cpu_count() or 1
        self._tell({"open": {"address": self.address, "workers": cpus, "folder": self._folder}})
        try:
            async with asyncio.timeout(seconds):
                self.opened = await self._answer
        except TimeoutError:
            self._kill_placer()
            raise UsageError(no_answer(self.address or "this machine", seconds)) from None
        if self.address and workers > self.opened.cpus:
            raise UsageError(
                f"the cluster at {self.address} has {count_text(self.opened.cpus, 'CPU')}, and each worker takes one: "
                f"ask for --workers {self.opened.cpus} or fewer"
            )
        self.gate = Gate(self.opened.host)
        return self.opened

    def start(self) -> FarProcess:
        """Let Ray place a worker."""
        self._numbers += 1
        guest = self.gate.expect()
        process = self._processes[self._numbers] = FarProcess(self, self._numbers, guest)
        if self._gone:
            process.refuse(_GONE)
            return process
        host, port = self.gate.address
        path: list[Json] | None = None if self.address else [one or os.getcwd() for one in sys.path]
        self._tell({"start": {"number": self._numbers, "given": [[host], port, guest.ticket, path]}})
        return process

    def kill(self, number: int) -> None:
        if self._processes.pop(number, None) is not None:
            self._tell({"kill": number})

    def not_placed(self) -> str:
        host, port = self.gate.address
        return (
            f"a worker of the cluster has not come within {PLACE_SECONDS:g} seconds. The cluster has "
            f"{count_text(self.opened.cpus, 'CPU')}, and others may use them: ask for fewer with --workers. "
            f"Or its node cannot reach {host}:{port}: open the way between them"
        )

    def close(self) -> None:
        """End the cluster if it is the run's own, and leave it otherwise."""
        if self._link is not None:
            self._link.close()
            self._link = None
        if hasattr(self, "gate"):
            self.gate.close()
        if self._process is not None:
            # The interpreter waits for this thread at its end, and the event loop does not.
            threading.Thread(target=_end, args=(self._process, self._folder), name="flowrun-ray-end").start()
            self._process = None
        elif self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _begin(self) -> None:
        if not self.address:
            os.mkdir(self._folder, 0o700)

    def _started(self, its: socket.socket) -> subprocess.Popen[bytes]:
        given = {name: value for name, value in os.environ.items() if _is_kept(name)}
        given |= {name: value for name, value in self._environ.items() if _is_kept(name)}
        given |= _QUIET
        if not self.address:
            given.pop("RAY_ADDRESS", None)
            given |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
            given.pop("RAY_AUTH_TOKEN_PATH", None)
        path = json.dumps([one or os.getcwd() for one in sys.path])
        command = [sys.executable, "-c", _PROGRAM, str(its.fileno()), self._folder, path]
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=given,
                pass_fds=(its.fileno(),),
                process_group=0,
                close_fds=True,
            )
        except OSError as error:
            raise UsageError(f"the process for Ray cannot be started: {error.strerror or error}") from None

    def _tell(self, message: dict[str, Json]) -> None:
        if self._link is not None:
            self._link.send(message)
            self._link.flush()

    def _hear(self, message: dict[str, Any]) -> None:
        if "opened" in message and not self._answer.done():
            self._answer.set_result(Opened(**message["opened"]))
        elif "refused" in message and not self._answer.done():
            self._answer.set_exception(UsageError(f"the engine ray cannot begin: {message['refused']}"))
        elif "over" in message and (process := self._processes.get(message["over"])) is not None:
            process.refuse(message["why"])

    def _lost(self) -> None:
        """Take the end of the process for Ray. Its workers end with it, and their streams tell so."""
        self._gone = True
        if not self._answer.done():
            self._answer.set_exception(UsageError(given_up(self.address)))
        for process in [*self._processes.values()]:
            process.refuse(_GONE)

    def _kill_placer(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()


def _end(process: subprocess.Popen[bytes], folder: str) -> None:
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if folder:
        # Ray's own processes are in the group of the one that was to end them.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def _is_kept(name: str) -> bool:
    return name in _KEPT or name.startswith(_KEPT_KINDS)


def _short_folder() -> str:
    """Return the path of a new folder for the files of a local cluster."""
    place = tempfile.gettempdir()
    if len(place) > _LONGEST:
        place = "/tmp"
    return os.path.join(place, f"flowrun-ray-{secrets.token_hex(6)}")


async def _must_answer(address: str) -> None:
    """Raise UsageError if nothing listens at the address of a cluster."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except TimeoutError:
        raise UsageError(f"there is no Ray cluster at {address} (nothing answers there)") from None
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise UsageError(f"there is no Ray cluster at {address} ({why.lower()})") from None
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
