"""The journal as a worker sees it: the driver writes every row, and tells when it is on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..dispatch.cache import known_in
from ..dispatch.ledger import RunLog
from ..engine.decisions import Call, Known
from ..engine.keys import key_of
from ..journal.answers import Paid
from ..journal.index import Index, OpenAttempt
from ..journal.records import Kind, LogRecord
from ..journal.store import Journal
from ..journal.wire import packed
from ..vocabulary.errors import DiskError
from ..vocabulary.json_value import Json
from .known_keys import KnownKeys
from .link import Message
from .lost_rows import body_of
from .questions import Questions

_Waiting = list[asyncio.Future[int]]


class RowSender:
    """The rows of a worker on their way to the driver. Those of one turn of the event loop go together.

    Intents of bodies that have an answer in the same message hear last that their rows are written: the answer may
    decide that their request is not needed. Intents of other bodies hear first, because their places are free.
    """

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._rows: list[LogRecord] = []
        self._answers: _Waiting = []
        self._others: list[tuple[asyncio.Future[int], Sequence[LogRecord]]] = []
        self._sent: dict[int, tuple[_Waiting, _Waiting, _Waiting]] = {}
        self._count = 0

    def add(self, records: Iterable[LogRecord], done: asyncio.Future[int]) -> None:
        if not (self._answers or self._others):
            done.get_loop().call_soon(self.hand_over)
        found = tuple(records)
        self._rows += found
        if found and found[0].kind is Kind.ANSWER:
            self._answers.append(done)
        else:
            self._others.append((done, found))

    def hand_over(self) -> None:
        """Send the rows that wait."""
        rows, self._rows = self._rows, []
        answers, self._answers = self._answers, []
        others, self._others = self._others, []
        if not (answers or others):
            return
        bodies = {body_of(one.place) for one in rows if one.kind is Kind.ANSWER} if others else set()
        first, last = _Waiting(), _Waiting()
        for done, records in others:
            bound = bodies and not bodies.isdisjoint([body_of(one.place) for one in records])
            (last if bound else first).append(done)
        self._count += 1
        self._sent[self._count] = first, answers, last
        self._send({"rows": self._count, "records": packed(rows)})

    def written(self, number: int, error: BaseException | None = None) -> None:
        """Take the news that the rows of a message are on the disk, or the error that kept them from it."""
        first, answers, last = self._sent.pop(number, ([], [], []))
        _settle(first, error)
        _settle(answers, error)
        if last:
            # By then the answers have been heard.
            asyncio.get_running_loop().call_soon(_settle, last, error)


def _settle(futures: _Waiting, error: BaseException | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(0)
        else:
            future.set_exception(error)


class RemoteJournal(Journal):
    """The journal of a worker. ``rows`` sends its rows. ``questions`` are asked where the journal must be read."""

    def __init__(self, rows: RowSender, questions: Questions, run: int) -> None:
        # A Journal opens files. This one has none, so the base is left alone.
        self.path = Path()
        self.index = Index()
        self.notes = []
        self.on_trouble = lambda error: None
        self.on_mistake = lambda error: None
        self.mistake = None
        self.loop = None
        self._run = run
        self.rows = rows
        self._questions = questions

    def append(self, records: Iterable[LogRecord]) -> asyncio.Future[int]:
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.rows.add(records, done)
        return done

    def body(self, number: int) -> Json:
        found = self._questions.ask({"body": number})
        if "error" in found:
            raise DiskError(str(found["error"]))
        return found["body"]

    def keys(self, run: int, kind: Kind) -> set[bytes]:
        return set()

    def close(self) -> None:
        self.rows.hand_over()


class RemoteLog(RunLog):
    """The log of a run at a worker. A call whose key may be in the journal is looked up by the driver."""

    known_keys = KnownKeys()
    questions: Questions

    def find(self, call: Call) -> Known:
        key = key_of(call, self.endpoints.get(call.model, ""), self.models.get(call.model, ""))
        if key not in self.known_keys:
            return Known(key)
        found = self.questions.ask({"find": key.hex(), "place": call.place, "batch": call.policy.batch})
        if "error" in found:
            raise DiskError(str(found["error"]))
        return known_of(key, found)


def known_json(known: Known, row: tuple[int, int, str] | None, body: Json) -> dict[str, Any]:
    """Return what the journal knows of a call as JSON. ``row`` is that of its answer: its number, run and place."""
    told: dict[str, Any] = {"open": [list(one) for one in known.open], "lines": [list(one) for one in known.lines]}
    if row is not None:
        told |= {"row": list(row), "body": body}
    return told


def known_of(key: bytes, told: dict[str, Any]) -> Known:
    """Return what the driver has told of a call. Raises DiskError if the row has no answer."""
    if "row" in told:
        number, run, place = told["row"]
        return known_in(told["body"], number, key, Paid(number, run, place))
    return Known(
        key,
        open=tuple(OpenAttempt(*one) for one in told["open"]),
        lines=tuple(OpenAttempt(*one) for one in told["lines"]),
    )
