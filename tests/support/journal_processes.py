"""Processes that have a journal open, and append to it as a test tells them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flowrun.runtime.journal.records import Kind, LogRecord

PROCESS = """
import asyncio, json, os, pathlib, sys, time
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.vocabulary.errors import FlowrunError

def begun(name):
    return LogRecord(0, Kind.RUN, {"id": name, "flow": "f", "source": "f.flow", "began": 1.0})

def call(run, number, kind, **body):
    return LogRecord(run, kind, body, number.to_bytes(16, "big"), f"a[{number}]")

async def main():
    loop = asyncio.get_running_loop()
    journal, run = None, 0
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        word, *given = json.loads(line)
        try:
            said = "done"
            if word == "open":
                journal = Journal.open(pathlib.Path(sys.argv[1]))
            elif word == "begin":
                run = await journal.append([begun(given[0])])
                journal.begin(run)
                said = run
            elif word == "resume":
                journal.begin(given[0])
            elif word == "go_on":
                await journal.append([call(given[0], 1000, Kind.INTENT)])
            elif word == "calls":
                first, last = given
                for number in range(first, last):
                    await journal.append([call(run, number, Kind.INTENT)])
                    await journal.append([call(run, number, Kind.ANSWER, text="x", finish="stop")])
            elif word == "intent":
                await journal.append([call(run, given[0], Kind.INTENT)])
            elif word == "doubts":
                said = sorted(journal.index.doubts())
            elif word == "answers":
                said = {str(one.number): one.answers for one in journal.index.runs.values()}
            elif word == "kind":
                said = type(journal._shared.writer).__name__, journal._shared._service is not None
            elif word == "fork":
                said = os.fork()
                if said == 0:
                    time.sleep(60)
                    os._exit(0)
            elif word == "close":
                journal.close()
        except FlowrunError as error:
            said = f"{type(error).__name__}: {error}"
        print(json.dumps(said), flush=True)

asyncio.run(main())
"""


def begun(name: str) -> LogRecord:
    return LogRecord(0, Kind.RUN, {"id": name, "flow": "f", "source": "f.flow", "began": 1.0})


def call(run: int, number: int, kind: Kind, **body: Any) -> LogRecord:
    return LogRecord(run, kind, body, number.to_bytes(16, "big"), f"a[{number}]")


class Process:
    """A process that has a journal open, and does as it is told."""

    def __init__(self, path: Path) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self.popen.pid

    def tell(self, *words: Any) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps(words) + "\n")
        self.popen.stdin.flush()

    def heard(self) -> Any:
        assert self.popen.stdout is not None
        return json.loads(self.popen.stdout.readline())

    def do(self, *words: Any) -> Any:
        self.tell(*words)
        return self.heard()

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def stop(self) -> None:
        """Stop the process, and wait until all of it stands still."""
        os.kill(self.pid, signal.SIGSTOP)
        while Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").split()[2] != "T":
            time.sleep(0.001)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@contextmanager
def processes(path: Path, count: int) -> Iterator[list[Process]]:
    made = [Process(path) for _ in range(count)]
    try:
        yield made
    finally:
        for one in made:
            one.popen.kill()
            one.popen.communicate()
