"""The stream between the driver and a worker: the messages for which requests wait leave at once."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

from flowrun.runtime.dispatch.ledger import RunLog
from flowrun.runtime.workers.event_forms import EventReader
from flowrun.runtime.workers.link import Link
from flowrun.runtime.workers.rows import RowRelay
from flowrun.runtime.workers.worker_handle import WorkerHandle


def waiting(end: socket.socket) -> bytes:
    """Return what has come so far."""
    end.setblocking(False)
    try:
        return end.recv(1 << 16)
    except BlockingIOError:
        return b""


async def test_an_urgent_message_leaves_in_the_same_turn_after_what_waited() -> None:
    ends = socket.socketpair()
    link = await Link.over(ends[0], lambda message: None, lambda: None)
    link.send({"first": 1})
    assert waiting(ends[1]) == b""
    link.send_now({"second": 2})
    came = waiting(ends[1])
    assert came.index(b"first") < came.index(b"second")
    await asyncio.sleep(0)
    assert waiting(ends[1]) == b""
    link.close()
    link.send_now({"third": 3})
    await asyncio.sleep(0.01)
    assert b"third" not in waiting(ends[1])
    ends[1].close()


class Log:
    """A log whose journal writes a message when its future is told."""

    run = 1

    def __init__(self) -> None:
        self.journal: Any = self
        self.written: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def body(self, number: int) -> None:
        return None

    def append(self, records: object) -> asyncio.Future[int]:
        return self.written


async def test_a_worker_hears_at_once_that_its_rows_are_on_the_disk() -> None:
    ends = socket.socketpair()
    worker = WorkerHandle(1, cast("Any", None), EventReader(1))
    worker.link = await Link.over(ends[0], lambda message: None, lambda: None)
    log = Log()
    RowRelay(cast(RunLog, log), lambda error: None).write(worker, 7, ())
    log.written.set_result(1)
    await asyncio.sleep(0)
    assert b"wrote" in waiting(ends[1])
    worker.link.close()
    ends[1].close()
