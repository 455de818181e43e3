"""The journal as one run uses it. It finds the answers to calls, and records how the run's own calls end."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import count
from typing import TYPE_CHECKING

from flowrun.dsl import dataclass

from ..engine.decisions import NOTHING, Call, Known
from ..journal.index import OpenAttempt
from ..journal.records import NOT_ANSWERED, NOT_SENT, SENT_AGAIN, TAKEN_UP, Kind, LogRecord
from ..journal.store import Journal
from ..vocabulary.call import Answer
from ..vocabulary.errors import AnswerError, CallError, RefusedError
from ..vocabulary.json_value import Json
from ..vocabulary.receipt import Receipt
from ..vocabulary.usage import NO_USAGE, Usage
from ..vocabulary.waits import Cause
from .answer_rows import AnswerRows
from .cache import Recall
from .intents import intent_of
from .person_records import person_records
from .request_waits import NO_WAITING
from .run_clock import RunClock
from .run_notes import RunNotes

if TYPE_CHECKING:
    from .submission_book import SubmissionBook


class NoLog:
    """The log of a run without a journal. It records nothing. ``clock`` is the clock of the run.

    ``began`` is the time of the event loop at which a request was sent.
    """

    keeps = False
    notes: RunNotes | None = None
    """The notes of the run, None without a journal."""
    traces: tuple[str, ...] = ()
    """The trace contexts of earlier parts of the run."""

    def __init__(self, clock: RunClock | None = None) -> None:
        self._keys = _keys()
        self.clock = clock or RunClock()

    @property
    def id(self) -> str:
        """The run's name for people; "" without a journal."""
        return ""

    def find(self, call: Call) -> Known:
        return NOTHING

    def left(self) -> int:
        """Return the most answers that ``find`` can still give."""
        return 0

    def request_key(self, calls: Sequence[Call]) -> str:
        return next(self._keys)

    async def intend(self, calls: Sequence[Call], key: str, waited: Mapping[Cause, int] = NO_WAITING) -> None:
        """Record that a request will be sent, and the milliseconds that it has waited by cause.

        Return when the record is on the disk. Raises DiskError.
        """

    def answered(
        self,
        calls: Sequence[Call],
        answers: Sequence[Answer],
        usage: Usage,
        began: float,
        receipt: Receipt | None = None,
    ) -> Awaitable[object]:
        """Record answers and their bill at once. Return an awaitable, which ends when they are on the disk.

        Awaiting it raises DiskError.
        """
        return _nothing()

    async def told(self, call: Call, answer: Answer, began: float) -> None:
        """Record the answer of a person. Raises DiskError."""

    async def spoiled(self, calls: Sequence[Call], error: AnswerError, began: float) -> None:
        """Record a paid reply without a usable answer. Raises DiskError."""

    def over(
        self, calls: Sequence[Call], error: CallError | None, began: float, *, failure: CallError | None = None
    ) -> None:
        """Record the end of an attempt without an answer. ``error`` is None if it was given up while under way.

        ``failure`` is the failure of these calls, if it was the last attempt at them.
        """

    def failed(self, calls: Sequence[Call], failure: CallError) -> None:
        """Record that these calls failed without a further attempt, for example because their server is gone."""

    def unsent(self, calls: Sequence[Call]) -> None:
        """Record that a request was not sent after all."""

    def unanswered(self, calls: Sequence[Call], began: float) -> None:
        """Record that a reply answered other calls but not these, and that these are not paid."""

    async def end(self, status: str, account: Json = None, *, spread: bool = False) -> None:
        """Record the end of the run, with its status and its account."""


@dataclass(eq=False)
class RunLog(NoLog):
    """The log of a run in its journal.

    ``name`` is the run's id, ``run`` the number of its first row. If ``fresh`` is True, answers of other runs are not
    used. ``endpoints`` has the endpoints of models by address, and ``models`` their names in keys, where these differ
    from the address. ``rows`` writes the rows of answers.
    """

    journal: Journal
    name: str
    run: int
    endpoints: Mapping[str, str]
    fresh: bool = False
    flow: str = ""
    source: str = ""
    clock: RunClock = field(default_factory=RunClock)
    keeps = True
    rows: AnswerRows = field(default_factory=AnswerRows)
    traces: tuple[str, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    _closed: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__(self.clock)
        self.notes = RunNotes(self.journal, self.run)
        self.book: SubmissionBook | None = None
        self._recall = Recall(self.journal, self.run, self.endpoints, self.fresh, self.models)

    def keep(self, book: SubmissionBook) -> None:
        """Look lines of batch APIs up in a book of submissions."""
        self.book = book
        self._recall.line_of = book.key_of

    def taken_up(self, line: OpenAttempt, key: str) -> bool:
        """Tell whether a line was never sent, or has its answer waited for under this key."""
        return self.book is not None and self.book.key_of(line) in ("", key)

    @property
    def id(self) -> str:
        return self.name

    @property
    def recall(self) -> Recall:
        """The finder of this run's answers."""
        return self._recall

    def find(self, call: Call) -> Known:
        return self._recall.find(call)

    def left(self) -> int:
        return self._recall.left()

    def request_key(self, calls: Sequence[Call]) -> str:
        """Return the Idempotency-Key of a request.

        If an earlier part of the run ended while a request for the same calls was under way, return the key of that
        request.
        """
        attempts = []
        for call in calls:
            one = call.known.lines or call.known.open
            if not one:
                break
            attempts.append(one[-1].number)
        else:
            bodies = [self.journal.body(attempt) for attempt in attempts]
            keys = {str(body["key"]) for body in bodies if isinstance(body, dict) and body.get("of") == len(calls)}
            if len(keys) == 1:
                return keys.pop()
        return next(self._keys)

    async def intend(self, calls: Sequence[Call], key: str, waited: Mapping[Cause, int] = NO_WAITING) -> None:
        at = round(1000 * self.clock.now())
        records = [self._record(Kind.INTENT, call, intent_of(call, key, len(calls), at, waited)) for call in calls]
        if again := [call for call in calls if call.known.open or call.known.lines]:
            records = [*self._sent_again(again, key), *records]
        await self.journal.append(records)

    def answered(
        self,
        calls: Sequence[Call],
        answers: Sequence[Answer],
        usage: Usage,
        began: float,
        receipt: Receipt | None = None,
    ) -> Awaitable[object]:
        span = self._span(began)
        parts = usage.parts(min(len(calls), len(answers)))
        records = []
        for call, one, part in zip(calls, answers, parts, strict=False):
            body = self.rows.good(one, part, call.model, receipt)
            body.update(span)
            records.append(self._record(Kind.ANSWER, call, body))
        return self.journal.append(records)

    async def told(self, call: Call, answer: Answer, began: float) -> None:
        await self.journal.append(person_records(self.run, call, answer.text, next(self._keys), self._span(began)))

    async def spoiled(self, calls: Sequence[Call], error: AnswerError, began: float) -> None:
        span = self._span(began)
        parts = (error.usage or NO_USAGE).parts(len(calls))
        await self.journal.append(
            self._record(Kind.ANSWER, call, {**self.rows.spoilt(error, part, call.model), **span})
            for call, part in zip(calls, parts, strict=True)
        )

    def over(
        self, calls: Sequence[Call], error: CallError | None, began: float, *, failure: CallError | None = None
    ) -> None:
        kind = Kind.REFUSED
        if error is None:
            kind = Kind.CANCELLED
        elif error.doubtful:
            kind = Kind.DOUBT
        body: dict[str, Json] = {} if error is None else {"status": error.status, "said": str(error)}
        if failure is not None:
            body["final"] = True
            if str(failure) != str(error):
                body["failed"] = str(failure)
        body |= self._span(began)
        self.journal.note(self._record(kind, call, body) for call in calls)

    def failed(self, calls: Sequence[Call], failure: CallError) -> None:
        body: dict[str, Json] = {"said": str(failure), "at": round(1000 * self.clock.now())}
        if failure.status is not None:
            body["status"] = failure.status
        self.journal.note(self._record(Kind.FAILED, call, body) for call in calls)

    def unsent(self, calls: Sequence[Call]) -> None:
        body = {"said": NOT_SENT, "of": len(calls)}
        self.journal.note(self._record(Kind.REFUSED, call, body) for call in calls)

    def unanswered(self, calls: Sequence[Call], began: float) -> None:
        self.over(calls, RefusedError(NOT_ANSWERED), began)

    async def end(self, status: str, account: Json = None, *, spread: bool = False) -> None:
        body = {"status": status, "ended": time.time(), "account": account, **({"spread": True} if spread else {})}
        await self.journal.append([LogRecord(self.run, Kind.END, body)])
        if self.journal.mistake is not None:
            # It came after the last call, when no scheduler heard of it.
            raise self.journal.mistake

    def _sent_again(self, calls: Sequence[Call], key: str) -> list[LogRecord]:
        """Record that attempts which were under way when their run ended are in doubt in that run from here on.

        A line of a batch API is in doubt, too, if its answer is not waited for under its ``key``.
        """
        before = []
        for call in calls:
            for one in (*call.known.open, *call.known.lines):
                if not one.ended and one.number not in self._closed:
                    taken = one in call.known.lines and self.taken_up(one, key)
                    before.append(self._closing(one, call, taken=taken))
                self._closed.add(one.number)
        return before

    def _closing(self, one: OpenAttempt, call: Call, *, taken: bool) -> LogRecord:
        """Make the row that ends an attempt of an earlier part: in doubt, or ``taken`` up by the next attempt."""
        if not taken:
            return LogRecord(one.run, Kind.DOUBT, {"said": SENT_AGAIN}, call.known.key, one.place)
        asked = self.journal.body(one.number)
        of = asked.get("of") if isinstance(asked, dict) else None
        return LogRecord(one.run, Kind.REFUSED, {"said": TAKEN_UP, "of": of or 1}, call.known.key, one.place)

    def _span(self, began: float) -> dict[str, Json]:
        """Return the times of an attempt that ends, in milliseconds since the run began."""
        return {"from": self.clock.milliseconds(began), "to": round(1000 * self.clock.now())}

    def _record(self, kind: Kind, call: Call, body: Json) -> LogRecord:
        return LogRecord(self.run, kind, body, call.known.key, call.place)


async def _nothing() -> None:
    """Do nothing, where there is no journal."""


def _keys() -> Iterator[str]:
    """Make unique names. The first part is random, and the rest counts upwards."""
    drawn = os.urandom(12).hex()
    return (f"{drawn}{number:08x}" for number in count())
