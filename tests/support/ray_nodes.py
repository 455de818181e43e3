"""Nodes of a Ray cluster on this machine, each with its own processes, started for a test and ended by their ids."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .patience import PATIENCE

PROGRAM = Path(sys.executable).parent / "ray"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def processes_at(place: Path, word: str = "") -> list[int]:
    """The processes whose command line or environment has the path of a place, and whose command line has a word."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                program = (entry / "cmdline").read_bytes()
                given = program + b"\0" + (entry / "environ").read_bytes()
            except OSError:
                continue
            if program and word.encode() in program and str(place).encode() in given:
                found.append(int(entry.name))
    return sorted(found)


class Nodes:
    """A cluster of nodes on this machine. ``inside`` puts the start of each node into a place of its own."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.port = free_port()
        self.started: list[subprocess.Popen[bytes]] = []
        # The place in the environment tells which processes belong to this cluster.
        self._environ = {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TEST_PLACE": str(folder),
            "TMPDIR": str(folder),
            **environ,
        }

    def start(self, address: str = "", *, inside: Sequence[str] = (), host: str = "127.0.0.1", **more: str) -> None:
        words = [*inside, str(PROGRAM), "start", "--block", "--num-cpus=1", "--object-store-memory=80000000"]
        words += [f"--node-ip-address={host}", "--disable-usage-stats"]
        head = [f"--temp-dir={self.folder}", "--head", f"--port={self.port}", "--include-dashboard=false"]
        words += [f"--address={address}"] if address else head
        log = (self.folder / f"start{len(self.started)}.log").open("wb")
        with log:
            self.started.append(
                subprocess.Popen(
                    words,
                    env={**self._environ, **more},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    process_group=0,
                )
            )
        at = len(self.started) - 1
        until = time.monotonic() + PATIENCE
        while b"Ray runtime started" not in (self.folder / f"start{at}.log").read_bytes():
            assert time.monotonic() < until, (self.folder / f"start{at}.log").read_text()
            assert self.started[at].poll() is None, (self.folder / f"start{at}.log").read_text()
            time.sleep(0.1)

    def end(self) -> None:
        """End all processes of the cluster."""
        for one in reversed(self.started):
            one.terminate()
        for one in reversed(self.started):
            try:
                one.wait(15)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
        for pid in processes_at(self.folder):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


@contextmanager
def cluster(nodes: int, environ: Mapping[str, str]) -> Iterator[Nodes]:
    """A cluster of so many nodes at 127.0.0.1, whose processes have these variables."""
    folder = Path(tempfile.mkdtemp(prefix="fr-"))
    found = Nodes(folder, environ)
    try:
        found.start()
        for _ in range(nodes - 1):
            found.start(f"127.0.0.1:{found.port}")
        yield found
    finally:
        found.end()
        shutil.rmtree(folder, ignore_errors=True)
