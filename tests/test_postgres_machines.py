"""Two machines with one journal in PostgreSQL. Each machine is a network of its own, with a cable between the two."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.patience import PATIENCE
from support.postgres_server import needs_postgres, server

_ONE, _TWO = f"flowrun-a{os.getpid()}", f"flowrun-b{os.getpid()}"
_HERE, _THERE = "10.77.3.1", "10.77.3.2"
WRITE = """
import asyncio, sys
from contextlib import closing
from flowrun.runtime.journal.address import place_of
from flowrun.runtime.journal.opening import open_journal
from flowrun.runtime.journal.records import Kind, LogRecord

async def main(name, url, calls):
    with closing(open_journal(place_of(url))) as journal:
        run = await journal.append([LogRecord(0, Kind.RUN, {"id": name, "flow": "f", "source": "", "began": 1.0})])
        journal.begin(run)
        print("begun", flush=True)
        for number in range(calls):
            call = number.to_bytes(16, "big"), f"a[{number}]"
            await journal.append([LogRecord(run, Kind.INTENT, {"model": "m", "bytes": 3}, *call)])
            await asyncio.sleep(0.005)
            await journal.append([LogRecord(run, Kind.ANSWER, {"text": "x"}, *call)])

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""
READ = """
import json, sys
from flowrun.runtime.journal.address import place_of
from flowrun.runtime.journal.reading import JournalReader
with JournalReader(place_of(sys.argv[1])) as reader:
    print(json.dumps({run.id: run.answers for run in reader.index.runs.values()}), len(reader.index.open))
"""


def ip(*words: str) -> bool:
    return subprocess.run(["ip", *words], check=False, stderr=subprocess.DEVNULL).returncode == 0


def inside(machine: str, *words: str) -> list[str]:
    return ["ip", "netns", "exec", machine, *words]


@contextmanager
def two_machines() -> Iterator[None]:
    """Make two networks with a cable. Skips where that is not allowed."""
    if shutil.which("ip") is None or not ip("netns", "add", _ONE):
        pytest.skip("networks of their own are not allowed here (iproute2, as root)")
    try:
        made = (
            ip("netns", "add", _TWO)
            and ip("-n", _ONE, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", _TWO)
            and ip("-n", _ONE, "addr", "add", f"{_HERE}/24", "dev", "cable")
            and ip("-n", _TWO, "addr", "add", f"{_THERE}/24", "dev", "cable")
            and all(ip("-n", one, "link", "set", which, "up") for one in (_ONE, _TWO) for which in ("lo", "cable"))
        )
        if not made:
            pytest.skip("a cable between two networks is not allowed here (veth)")
        yield
    finally:
        ip("netns", "del", _TWO)
        ip("netns", "del", _ONE)


@needs_postgres
def test_two_machines_write_one_journal_and_a_cable_that_is_cut_costs_no_row() -> None:
    calls = 150
    with two_machines(), server(durable=True, host=_HERE, within=tuple(inside(_ONE))) as started:
        url = started.url()
        python = [sys.executable, "-c"]
        first = subprocess.Popen(
            inside(_ONE, *python, WRITE, "one", url, str(calls)), stdout=subprocess.PIPE, text=True
        )
        second = subprocess.Popen(
            inside(_TWO, *python, WRITE, "two", url, str(calls)), stdout=subprocess.PIPE, text=True
        )
        with first, second:
            assert first.stdout is not None and second.stdout is not None
            assert first.stdout.readline() == second.stdout.readline() == "begun\n"
            time.sleep(0.3)
            assert ip("-n", _TWO, "link", "set", "cable", "down")
            time.sleep(2)
            assert ip("-n", _TWO, "link", "set", "cable", "up")
            assert first.wait(timeout=PATIENCE) == second.wait(timeout=PATIENCE) == 0
        read = subprocess.run(inside(_ONE, *python, READ, url), capture_output=True, text=True, check=True)
        runs, _, open_ = read.stdout.rpartition(" ")
        assert json.loads(runs) == {"one": calls, "two": calls}
        assert int(open_) == 0
