"""The service of a journal's writer takes whole, sensible entries, and closes a connection that sends anything else."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flowrun.runtime.journal import dialling, service
from flowrun.runtime.journal.records import Kind
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.journal.wire import Frames
from flowrun.runtime.journal.writer import Writer
from flowrun.runtime.vocabulary.errors import UsageError
from support.journal_processes import begun, call, processes
from support.patience import PATIENCE
from support.written import read_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "j.db"


GARBAGE = {
    "no frame": b"\xff" * 64,
    "no JSON": b"\x00\x00\x00\x03{{{",
    "another message": b'\x00\x00\x00\x07{"a":1}',
    "half a frame": b"\x00\x00\x10\x00{",
    "too deep": (60_000).to_bytes(4, "big") + b"[" * 60_000,
}
ROWS: dict[str, Any] = {
    "no list": 3,
    "an unknown kind": [[[1, "nonsense", "", "", "{}"]]],
    "a run that is not there": [[[99, "intent", "", "", "{}"]]],
    "no number": [[["x", "intent", "", "", "{}"]]],
    "a body that is no JSON": [[[1, "intent", "", "", "{"]]],
    "a beginning without an id": [[[0, "run", "", "", "{}"]]],
    "a key that is no number": [[[1, "intent", "xyz", "", "{}"]]],
    "a run that follows nothing": [[[-1, "intent", "", "", "{}"]]],
    "no record": [[[1, "intent"]]],
}


def knock(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(PATIENCE)
    made.connect(str(path) + ".socket")
    return made


def framed(text: bytes) -> bytes:
    return len(text).to_bytes(4, "big") + text


async def test_a_process_that_says_nonsense_costs_the_others_nothing(path: Path) -> None:
    journal = Journal.open(path)
    run = await journal.append([begun("r1")])
    journal.begin(run)
    for data in GARBAGE.values():
        with knock(path) as made:
            made.send(data)
            if data is GARBAGE["half a frame"]:
                made.shutdown(socket.SHUT_WR)
            assert await asyncio.to_thread(made.recv, 1) == b""
        await journal.append([call(run, 1, Kind.INTENT)])
    for entries in ROWS.values():
        with knock(path) as made:
            made.sendall(framed(b'{"hello":1}'))
            assert b"welcome" in await asyncio.to_thread(made.recv, 1000)
            made.sendall(framed(json.dumps({"put": 0, "entries": entries}).encode()))
            assert await asyncio.to_thread(made.recv, 1) == b"", entries
    with knock(path) as made:
        # A good batch, and half of another one.
        made.sendall(framed(b'{"hello":1}'))
        made.recv(1000)
        good = framed(b'{"put":0,"entries":[[[1,"intent","aa","a","{}"]]]}')
        made.sendall(good + good[:20])
        assert json.loads((await asyncio.to_thread(made.recv, 1000))[4:]) == {"ends": 0, "of": [7], "rows": 7}
    await journal.append([call(run, 2, Kind.INTENT)])
    journal.close()
    assert len(read_journal(path).in_doubt(run)) == 3


def test_a_process_of_another_version_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with processes(path, 1) as (first,):
        first.do("open")
        monkeypatch.setattr(dialling, "VERSION", 2)
        with pytest.raises(UsageError, match=f"process {first.pid}, which writes .* is of another version of flowrun"):
            Journal.open(path)


async def test_ends_that_a_process_does_not_read_wait_for_it(path: Path) -> None:
    """More of them than a socket holds, while the others go on."""
    journal = Journal.open(path)
    run = await journal.append([begun("r1")])
    journal.begin(run)
    count, frames = 40_000, 6
    with knock(path) as made:
        made.sendall(framed(b'{"hello":1}'))
        made.recv(1000)
        for at in range(frames):
            entries = ",".join(["[]"] * count)
            text = f'{{"put":{at * count},"entries":[{entries}]}}'
            await asyncio.to_thread(made.sendall, framed(text.encode()))
        await journal.append([call(run, 1, Kind.INTENT)])
        heard, reading = 0, Frames()
        while heard < count * frames:
            for message in reading.feed(await asyncio.to_thread(made.recv, 1 << 16)):
                assert message["ends"] == heard
                heard += len(message["of"])
    journal.close()


def test_a_process_waits_while_the_writer_reads_a_long_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told every second that the writer is busy, so it waits for longer than for one that is silent."""
    monkeypatch.setattr(dialling, "PATIENCE", 0.5)
    monkeypatch.setattr(service, "_BUSY", 0.1)
    opened = service.Service.at(path)
    assert opened is not None
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(dialling.dialled, path)
        time.sleep(1.2)
        assert not found.done()
        opened.begin(cast(Writer, SimpleNamespace(trouble=None)))
        line_and_process = found.result(5)
    assert line_and_process is not None
    line, process = line_and_process
    assert process == os.getpid()
    line.close()
    opened.stop()
    opened.part()
    assert dialling.dialled(path) is None
