"""Detached runs of a place: commands in processes of their own, terminals that are closed, and files that are left."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import forked
from .command_line import COMMAND, PYTHON, Ran
from .patience import PATIENCE
from .place import Place


@dataclass(frozen=True)
class Folder:
    """A folder with a journal of its own, in which commands on a place's flow run."""

    path: Path
    place: Place

    @property
    def environ(self) -> dict[str, str]:
        return {**self.place.environ, "FLOWRUN_CACHE": str(self.path / "cache")}

    @property
    def run_arguments(self) -> list[str]:
        return [str(self.place.folder / "a.flow"), "--items", str(self.place.items), "--journal", "journal.db"]

    @property
    def files(self) -> Path:
        return self.path / "journal.db.detached"

    def begin(self, *arguments: str, stdin: str = "", **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.path,
            env={**self.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def command(self, *arguments: str, stdin: str = "", **environ: str) -> Ran:
        """Run a command to its end. Its pipes must be closed then: a detached run holds none of them."""
        given = {**self.environ, **environ}
        if forked.fits(given):
            code, wrote, said = asyncio.run(_forked(arguments, self.path, given, stdin.encode()))
            return told(code, wrote.decode(), said.decode())
        process = self.begin(*arguments, **environ)
        out, err = process.communicate(stdin, timeout=PATIENCE)
        return told(process.returncode, out, err)

    def detach(self, *options: str) -> str:
        """Begin the run of the place, detached, and return its id."""
        ran = self.command(*self.run_arguments, "--detach", *options)
        assert ran.code == 0, ran.err
        return ran.out.strip()

    def attach(self, run: str = "last") -> Ran:
        return self.command("attach", run, "--journal", "journal.db")

    def stop(self, run: str = "last", *options: str) -> Ran:
        return self.command("stop", run, "--journal", "journal.db", *options)

    def process(self, run: str) -> int:
        return int(json.loads((self.files / f"{run}.run").read_text())["process"])

    def left(self) -> list[str]:
        return sorted(os.listdir(self.files)) if self.files.exists() else []


async def _forked(
    arguments: Sequence[str], folder: Path, environ: Mapping[str, str], stdin: bytes
) -> tuple[int, bytes, bytes]:
    return await asyncio.wait_for(forked.run(PYTHON, arguments, folder, environ, stdin), PATIENCE)


def told(code: int, out: str, err: str) -> Ran:
    assert "Traceback" not in err, err
    # Development mode reports slow callbacks; on a busy machine an import is one.
    err = "".join(line for line in err.splitlines(True) if not line.startswith("Executing <"))
    return Ran(code, out, err)


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def at_a_terminal_that_closes(arguments: list[str], folder: Path, environ: Mapping[str, str]) -> str:
    """Run a command in the shell of a terminal, close the terminal with its shell, and return what it showed."""
    line = " ".join(f"'{one}'" for one in [*COMMAND, *arguments])
    process, terminal = pty.fork()
    if not process:
        try:
            os.chdir(folder)
            os.execve("/bin/sh", ["sh", "-c", f"{line}; echo ready; sleep 600"], dict(environ))
        finally:
            os._exit(127)
    shown = b""
    ends = time.monotonic() + PATIENCE
    while b"ready" not in shown and time.monotonic() < ends:
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 65536)
    os.killpg(process, signal.SIGHUP)
    os.close(terminal)
    os.waitpid(process, 0)
    return shown.decode(errors="replace")
