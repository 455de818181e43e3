"""The record of a run whose server serves nobody for a while: a call that still waits for it has not failed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import ATTEMPTS
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.engine.decisions import Call, Known, Policy
from flowrun.runtime.journal.attempts import RunRow
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.records import Kind
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.replay import read_run
from flowrun.runtime.replay.journal_source import JournalSource
from flowrun.runtime.replay.source import Doubted
from flowrun.runtime.session.result import Result
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import CallError, EndpointError, InDoubtError, ModelError, RefusedError
from flowrun.runtime.vocabulary.run_record import RunRecord
from support.harness import planned, scripted
from support.journaled_runs import in_virtual_time, steady

FLOW = planned("""
model small = "openai:small" else "openai:large"
flow f(xs: [text]) {
  first = ask small "first"
  votes = map x in xs { repeat 3 { ask small "{{ first }} {{ x }}?" -> A | B } reduce majority } reduce collect
    with errors: skip
  all = map x in xs { ask small "{{ first }} {{ x }}" } reduce collect with errors: skip
  return { votes, all }
}
""")
XS = {"xs": [str(number) for number in range(12)]}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))
    yield


async def outage(journal: Path, copies: dict[float, Path]) -> Result:
    """Run on a server that breaks down after the first call. Copy the journal after so many seconds."""

    def script(request: Request, number: int) -> Scripted:
        first = request.messages[-1].text == "first"
        return Scripted("fine" if first else InDoubtError("down", status=500), 1)

    def copy(path: Path) -> None:
        with closing(sqlite3.connect(journal)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)

    for seconds, path in copies.items():
        asyncio.get_running_loop().call_later(seconds, copy, path)
    return await run_async(FLOW, XS, options=RunOptions(opener=scripted(script), journal=journal, learn=False))


def recorded(path: Path) -> RunRecord:
    with JournalReader(path) as reader:
        return read_run(reader, reader.index.named("last")[0])


def test_calls_that_wait_for_their_next_attempt_are_open(tmp_path: Path) -> None:
    copies = {seconds: tmp_path / f"{seconds:g}.db" for seconds in (30.5, 300.5, 800.5)}
    result = in_virtual_time(outage(tmp_path / "j.db", copies))
    for path in copies.values():
        record = recorded(path)
        lost = [one.path for one in record.end.losses]
        assert lost == [one.path for one in result.losses[: len(lost)]]
        failed = [one.path for one in record.calls if one.state == "failed"]
        assert failed == lost
        assert sum(one.state == "open" for one in record.calls) > 10
        assert not record.notes
    assert lost


def test_no_number_of_attempts_alone_ends_a_call() -> None:
    def row(number: int, kind: str, **body: Any) -> RunRow:
        return RunRow(number, kind, b"k" * 16, "a", json.dumps(body))

    rows = []
    for at in range(5 * ATTEMPTS):
        rows += [row(2 * at, Kind.INTENT, at=at), row(2 * at + 1, Kind.DOUBT, said="down", status=500, to=at)]
    source = JournalSource(rows, lambda call: Known(b""), lambda read: None, over=False, window=1)
    request = Request((Message("user", "one"),))
    source.launched(Call(1, "a", "m", request, place="a", policy=Policy(None, None), known=Known(b"k" * 16)))
    happened = iter(source.next, None)
    assert [*map(type, happened)] == [Doubted] * len(rows[::2])


def test_a_run_that_gave_its_server_up_is_shown_to_its_end(tmp_path: Path) -> None:
    result = in_virtual_time(outage(tmp_path / "j.db", {}))
    record = recorded(tmp_path / "j.db")
    assert result.losses
    assert not [note for note in record.notes if "prices" not in note]
    assert record.end.complete
    assert record.end.value == result.value
    assert record.end.votes == result.tallies
    assert Counter(one.path for one in record.end.losses) == Counter(one.path for one in result.losses)
    told = {one.path: one.reason for one in result.losses}
    assert {one.path: one.reason for one in record.end.losses} == told
    assert any("(not sent: this server has not answered for " in said for said in told.values())
    failed = {one.path: one.reason for one in record.calls if one.state in ("failed", "unsent")}
    assert failed.items() <= told.items()
    assert len({*failed.values()}) > 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RefusedError("busy", status=503), "busy (gave up after 6 attempts)"),
        (RefusedError("too many", status=429), "too many (gave up after 900 s and "),
        (
            RefusedError("too many", status=429, retry_after=100_000.0),
            "too many (the server asks for a pause of 100000 s",
        ),
        (InDoubtError("broken", status=500), "broken (gave up after "),
        (EndpointError("no such key", status=401), "no such key"),
        (ModelError("no such model", status=404), "no such model"),
    ],
)
def test_a_failure_is_shown_in_the_words_of_the_run(error: CallError, said: str, tmp_path: Path) -> None:
    """This holds for calls that gave up, and for calls that were not sent any more."""

    def script(request: Request, number: int) -> Scripted:
        return Scripted("fine" if request.messages[-1].text == "first" else error, 1)

    async def ran() -> Result:
        options = RunOptions(opener=scripted(script), journal=tmp_path / "j.db", learn=False)
        return await run_async(FLOW, {"xs": ["0", "1"]}, options=options)

    result = in_virtual_time(ran())
    record = recorded(tmp_path / "j.db")
    told = {one.path: one.reason for one in result.losses}
    assert told
    assert {one.path: one.reason for one in record.end.losses} == told
    failed = [one.reason for one in record.calls if one.state in ("failed", "unsent")]
    assert failed
    assert any(said in reason for reason in failed), failed
    assert all(any(reason in whole for whole in told.values()) for reason in failed)
    # The reason of an attempt is what the server said, without what became of the call.
    assert {one.reason for call in record.calls for one in call.attempts if one.reason} == {str(error)}
