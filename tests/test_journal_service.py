"""The service of a journal's writer takes whole, sensible entries, and closes a connection that sends anything else."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.journal import dialling
from flowrun.runtime.journal.records import Kind
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.vocabulary.errors import UsageError
from support.journal_processes import begun, call, processes
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
    made.settimeout(10)
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
