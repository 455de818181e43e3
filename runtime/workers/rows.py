"""The rows of all workers of a run on their way to the journal, and the answers that workers look for there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from ..dispatch.ledger import RunLog
from ..engine.decisions import Call, Policy
from ..journal.index import OpenAttempt
from ..journal.records import Kind, LogRecord
from ..journal.wire import unpacked
from ..vocabulary.call import Request
from ..vocabulary.error_forms import error_json
from ..vocabulary.errors import DiskError, FlowrunError, mistake_in
from ..vocabulary.json_value import Json
from .lost_rows import LostRows
from .remote_journal import known_json
from .worker_handle import WorkerHandle

_OF_FILES = frozenset({Kind.CONTENT, Kind.READ})


class RowRelay:
    """The writer of the rows of workers. ``fail`` is called with an error that is a fault of flowrun."""

    def __init__(self, log: RunLog, fail: Callable[[BaseException], None]) -> None:
        self._log = log
        self._fail = fail
        self._lost = LostRows(log.run, log.journal.body)
        self.lost: set[bytes] = set()
        """The keys of calls of which dead workers have left rows."""

    def write(self, worker: WorkerHandle, number: int, packed: Iterable[Any]) -> None:
        """Write the rows of a message, and tell its worker when they are on the disk."""
        records = unpacked(packed)
        calls = [one for one in records if one.kind not in _OF_FILES]
        if len(calls) < len(records):
            self._note([one for one in records if one.kind in _OF_FILES])
        worker.rows.sent += sum(one.kind is Kind.INTENT for one in calls)
        done = self._log.journal.append(calls)
        worker.rows.writing.add(done)
        done.add_done_callback(lambda done: self._written(worker, number, calls, done))

    def _note(self, records: list[LogRecord]) -> None:
        """Note the files that workers have read, each once. The driver may have read them, too."""
        notes = self._log.notes
        assert notes is not None
        self._log.journal.note([one for one in records if one.kind is Kind.CONTENT or notes.first(one.key)])

    def _written(self, worker: WorkerHandle, number: int, records: list[LogRecord], done: asyncio.Future[int]) -> None:
        worker.rows.writing.discard(done)
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or error is not None:
            if error is not None and not isinstance(error, DiskError):
                self._fail(error)
            worker.send({"unwritten": number, "error": error_json(error) if isinstance(error, FlowrunError) else None})
            return
        self._lost.wrote(done.result(), records)
        worker.send_now({"wrote": number})

    def begin(self, path: str) -> None:
        """Keep the rows of a body from here on, in case that its worker dies."""
        self._lost.begin(path)

    def over(self, path: str) -> None:
        """Forget the rows of a body that has ended."""
        self._lost.over(path)

    def lose(self, paths: Iterable[str]) -> tuple[set[bytes], list[OpenAttempt]]:
        """Keep the rows of bodies whose worker has died. Return the keys of their calls, and the attempts in doubt."""
        keys, doubts = self._lost.lose(paths, self._log.recall)
        self.lost |= keys
        return keys, doubts

    @property
    def slowest(self) -> float:
        """The seconds of the slowest request of the bodies that were lost."""
        return self._lost.slowest

    def answer(self, question: dict[str, Any]) -> dict[str, Json]:
        """Answer a question of a worker, which waits for it with its whole event loop."""
        journal = self._log.journal
        try:
            if "body" in question:
                return {"body": journal.body(question["body"])}
            key = bytes.fromhex(question["find"])
            call = Call(0, "", "", Request(()), place=question["place"], policy=Policy(batch=question["batch"]))
            known = self._lost.find(key, call)
            if known is None:
                known = self._log.recall.known(key, call)
            if known.answer is None or (row := known.paid) is None:
                return known_json(known, None, None)
            return known_json(known, (row.number, row.run, row.place), journal.body(row.number))
        except FlowrunError as error:
            return {"error": str(error)}
        except Exception as error:  # noqa: BLE001  the worker must have an answer
            return {"error": f"the driver could not answer ({mistake_in(error)})"}
