"""The main program of a worker that Ray has placed. Its files and variables come from the driver, if they must."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..dispatch.read_pool import ReadPool
from ..dispatch.run_clock import RunClock
from ..providers.addresses import printable
from ..providers.images import take_from
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from ..workers.dialing import dial
from ..workers.far_files import FarReadPool, FileStream, Mirror
from ..workers.far_link import WORKER_BEATS, FarLink
from ..workers.link import Link
from ..workers.questions import LOST
from .garbage import OF_WORKERS
from .models import Models
from .run_rows import RunSettings
from .worker import BodyWorker


def main(hosts: Sequence[str], port: int, ticket: str) -> str:
    """Run a worker for the driver at this port. Return how it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(*OF_WORKERS)
    try:
        ends = dial(hosts, port, ticket)
    except OSError as error:
        node = socket.gethostname()
        where = f"{hosts[0]}:{port}"
        return f"the node {node} cannot reach the run at {where} ({error.strerror or error}): open the way between them"
    worker = _FarWorker(*ends)
    try:
        asyncio.run(worker.run())
    finally:
        worker.clean()
    return "it has ended"


class _FarWorker(BodyWorker):
    """A worker on a node of a cluster."""

    def __init__(self, stream: socket.socket, questions: socket.socket, files: socket.socket) -> None:
        super().__init__(stream, questions)
        self._files = files
        self._root = ""

    async def linked(self, stream: socket.socket, hear: Callable[[dict[str, Any]], None]) -> Link:
        return await FarLink.across(stream, hear, self._lost, WORKER_BEATS)

    def _lost(self) -> None:
        self.clean()
        os._exit(LOST)

    async def _serve(self, hello: dict[str, Any]) -> Json:
        # The driver ends this process as soon as it knows the end.
        try:
            return await super()._serve(hello)
        finally:
            self.clean()

    def clean(self) -> None:
        """Remove the files that came from the driver."""
        if self._root:
            shutil.rmtree(self._root, ignore_errors=True)

    def environ(self, hello: dict[str, Any]) -> Mapping[str, str]:
        # Libraries of providers read the variables of the process.
        os.environ.update(hello["sent"])
        if not hello["ships"]:
            return dict(os.environ)
        if missing := [name for name in hello["keys"] if not os.environ.get(name, "").strip()]:
            verb, them = ("is", "it") if len(missing) == 1 else ("are", "them")
            raise UsageError(
                f"{' and '.join(missing)} {verb} not set there: set {them} on the node before `ray start`, or send "
                f"{them} with --send-keys"
            )
        return {**os.environ, "XDG_CONFIG_HOME": str(self._place(Path(hello["config"])))}

    def settings(self, hello: dict[str, Any]) -> RunSettings:
        settings = super().settings(hello)
        if not hello["ships"]:
            return settings
        assert settings.folder is not None
        for path, text in hello["shipped"]:
            place = self._place(Path(path))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        folders = tuple(map(self._place, (settings.folder, *settings.allow_read)))
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        return replace(settings, folder=folders[0], allow_read=folders[1:])

    def _place(self, path: Path) -> Path:
        """Return the place in which a file of the driver lies here."""
        if not self._root:
            self._root = tempfile.mkdtemp(prefix="flowrun-files-")
        return Path(self._root, *path.parts[1:])

    def home(self, hello: dict[str, Any], settings: RunSettings) -> Path:
        # Modules of externs are looked for where the flow lies at the driver.
        return Path(hello["settings"]["folder"])

    def reads(self, hello: dict[str, Any], settings: RunSettings, tell: Callable[[str], None]) -> ReadPool:
        if not hello["ships"]:
            return super().reads(hello, settings, tell)
        assert settings.folder is not None
        mirror = Mirror(settings.folder, settings.allow_read, self._root)
        stream = FileStream(self._files)
        take_from(stream.image)
        return FarReadPool(mirror, stream, tell)

    def clock(self, hello: dict[str, Any]) -> RunClock:
        # Each machine has a clock of its own, so the time of the run goes on from the moment of the driver's message.
        here = asyncio.get_running_loop().time()
        return RunClock.from_zero(here - hello["now"]) if hello["ships"] else super().clock(hello)

    def check(self, hello: dict[str, Any], models: Models) -> None:
        here = {address: printable(one.provider.endpoint) for address, one in models.endpoints.items()}
        for address, place in hello["places"].items():
            if here.get(address) != place:
                raise UsageError(
                    f"it would ask {address} at {here.get(address)}, and the run asks at {place}: set the same "
                    "variables there, or send them with --send-keys"
                )
