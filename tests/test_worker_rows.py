"""The rows of a worker: who waits for them, and the order in which they hear that the rows are on the disk."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.vocabulary.errors import DiskError
from flowrun.runtime.workers.remote_journal import RowSender


def record(kind: Kind, place: str) -> LogRecord:
    return LogRecord(1, kind, {"n": str(kind)}, b"key", place)


def added(rows: RowSender, *kinds: Kind, place: str = "a[0]") -> list[asyncio.Future[int]]:
    futures = []
    for kind in kinds:
        futures.append(done := asyncio.get_running_loop().create_future())
        rows.add([record(kind, place)], done)
    return futures


async def test_answers_are_heard_before_the_intents_of_the_same_message() -> None:
    sent: list[dict[str, Any]] = []
    rows = RowSender(sent.append)
    heard: list[str] = []
    intents = added(rows, Kind.INTENT)
    answers = added(rows, Kind.ANSWER)
    intents += added(rows, Kind.INTENT)

    async def wait(name: str, future: asyncio.Future[int]) -> None:
        await future
        heard.append(name)

    def decide(future: asyncio.Future[int]) -> None:
        # The answers of one turn are handled together, in the next one.
        asyncio.get_running_loop().call_soon(heard.append, "decided")

    waiting = [asyncio.create_task(wait("intent", one)) for one in intents]
    answers[0].add_done_callback(decide)
    await asyncio.sleep(0)
    assert [len(one["records"]) for one in sent] == [3]
    rows.written(sent[0]["rows"])
    await asyncio.gather(*waiting)
    assert heard == ["decided", "intent", "intent"]


async def test_intents_of_other_bodies_are_heard_before_the_answers() -> None:
    sent: list[dict[str, Any]] = []
    rows = RowSender(sent.append)
    heard: list[str] = []
    named = {
        "bound": added(rows, Kind.INTENT, place="a[1].votes[2].x")[0],
        "answer": added(rows, Kind.ANSWER, place="a[1].votes[1].x")[0],
        "free": added(rows, Kind.INTENT, place="a[10].x")[0],
    }

    def hear(name: str, future: asyncio.Future[int]) -> None:
        heard.append(name)

    for name, future in named.items():
        future.add_done_callback(partial(hear, name))
    rows.hand_over()
    rows.written(sent[0]["rows"])
    await asyncio.sleep(0)
    assert heard == ["free", "answer"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert heard == ["free", "answer", "bound"]


async def test_intents_alone_are_heard_at_once() -> None:
    sent: list[dict[str, Any]] = []
    rows = RowSender(sent.append)
    futures = added(rows, Kind.INTENT, Kind.REFUSED)
    rows.hand_over()
    rows.written(sent[0]["rows"])
    assert all(one.done() for one in futures)
    rows.written(sent[0]["rows"])
    await asyncio.sleep(0)
    assert len(sent) == 1


async def test_rows_that_could_not_be_written_fail_for_all_who_wait() -> None:
    sent: list[dict[str, Any]] = []
    rows = RowSender(sent.append)
    futures = added(rows, Kind.ANSWER, Kind.INTENT, Kind.INTENT)
    futures[1].cancel()
    await asyncio.sleep(0)
    rows.written(sent[0]["rows"], DiskError("full"))
    await asyncio.sleep(0)
    for one in (futures[0], futures[2]):
        with pytest.raises(DiskError):
            one.result()
    assert futures[1].cancelled()
