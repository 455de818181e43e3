"""The requests that a run sends if the journal has none of its answers, worked out from the record of the run.

A run that takes its answers from the journal sends nothing, and so its record does not tell what it costs by itself.
Here each request has its answers at once. Calls with the same question that are launched together share a request, as
they do at an endpoint that gives several answers to one.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace

from flowrun.dsl import dataclass

from ..costs.prices import Prices
from ..engine.decisions import Call, Group, LaunchExtern, Read
from ..journal.index import Run
from ..journal.reading import JournalReader
from ..journal.records import Kind
from ..vocabulary.call import Answer
from ..vocabulary.call_record import AnswerRecord, CallRecord
from ..vocabulary.errors import AnswerError, CallError, FlowrunError, MalformedError, PermanentError
from ..vocabulary.json_value import Json
from .driver import WINDOW, Replay, context_of
from .file_reads import FileReads
from .run_beginning import read_beginning
from .source import UNKNOWN, AnswerSource, Came, Happening, Returned

Samples = Callable[[str], int]
"""A function that returns the most answers that a request to a model asks for, by the model's address."""


@dataclass(eq=False, slots=True)
class FreshRequest:
    """A request that a run sends. ``calls`` are the places of its calls, each with its answer.

    An answer is None if the record has none, because nothing needed it any more.
    """

    model: str
    calls: list[tuple[str, AnswerRecord | None]] = field(default_factory=list)


class FreshRun(AnswerSource):
    """A source that answers all requests of a turn at once. ``requests`` are those that were sent."""

    def __init__(
        self,
        calls: Iterable[CallRecord],
        externs: Mapping[str, Iterable[Json]],
        read: Callable[[Read], Json],
        samples: Samples,
    ) -> None:
        super().__init__()
        self.requests: list[FreshRequest] = []
        self._answers: dict[str, deque[AnswerRecord]] = {}
        self._lost: dict[str, str] = {}
        for one in calls:
            self._answers[one.place] = deque(one.answers)
            if one.state == "failed":
                self._lost[one.place] = one.reason
        self._values = {path: deque(values) for path, values in externs.items()}
        self._read = read
        self._samples = samples
        self._due: deque[Came] = deque()

    def read(self, read: Read) -> Json:
        return self._read(read)

    def extern(self, launch: LaunchExtern) -> Json:
        values = self._values.get(launch.path)
        return values.popleft() if values else UNKNOWN

    def cancelled(self, call: Call) -> None:
        super().cancelled(call)
        self._due = deque(one for one in self._due if one.number != call.number)

    def next(self) -> Happening | None:
        while self._externs:
            launch = self._externs.popleft()
            if (value := self.extern(launch)) is not UNKNOWN:
                return Returned(launch.number, value)
        while not self._due and self._waiting:
            self._send()
        return self._due.popleft() if self._due else None

    def _send(self) -> None:
        """Send all calls that wait. Of a group, those with one question that follow one another share a request."""
        waiting, self._waiting = list(self._waiting.values()), {}
        last: dict[tuple[str, Group], tuple[Call, FreshRequest]] = {}
        for call in waiting:
            answers = self._answers.get(call.place)
            answer = answers.popleft() if answers else None
            what = _heard(answer, more=bool(answers))
            if what is None and call.place in self._lost:
                # A refused request is not paid.
                self._due.append(Came(call.number, PermanentError(self._lost[call.place])))
                continue
            if what is not None:
                self._due.append(Came(call.number, what))
            if call.question is None:
                self._request(call, last).calls.append((call.place, answer))

    def _request(self, call: Call, last: dict[tuple[str, Group], tuple[Call, FreshRequest]]) -> FreshRequest:
        if call.group is not None:
            first, request = last.get((call.model, call.group), (call, None))
            if request is not None and first.request == call.request and len(request.calls) < self._samples(call.model):
                return request
        request = FreshRequest(call.model)
        self.requests.append(request)
        if call.group is not None:
            last[call.model, call.group] = call, request
        return request


def _heard(answer: AnswerRecord | None, *, more: bool) -> Answer | CallError | None:
    """Return what the flow hears for an answer. If it cannot be used and there are ``more``, the flow asks again."""
    if answer is None:
        return None
    if not answer.error:
        return Answer(answer.text, more=answer.more or None)
    if more:
        return MalformedError(answer.error, text=answer.text, why=answer.error)
    return AnswerError(answer.error, text=answer.text, final=True)


def fresh_requests(
    reader: JournalReader, run: Run, calls: Iterable[CallRecord], prices: Prices, samples: Samples
) -> list[FreshRequest]:
    """Return the requests that a run with these calls sends if the journal has none of its answers.

    ``calls`` are the records of all its calls. Raises UsageError, DiskError.
    """
    given = read_beginning(reader, run)
    rows = [row for row in reader.rows(run.number, reader.last_row(run.number)) if row.kind in (Kind.EXTERN, Kind.READ)]
    externs: dict[str, list[Json]] = {}
    for row in rows:
        if row.kind == Kind.EXTERN:
            body = json.loads(row.body)
            value = FlowrunError(str(body["error"])) if "error" in body else body.get("value", UNKNOWN)
            externs.setdefault(row.place, []).append(value)
    source = FreshRun(calls, externs, FileReads(reader, rows, given).read, samples)
    context = replace(context_of(given.plan, given.model), calls_limit=None, money_limit=None, price=prices)
    # No place is free for samples that a vote sends only for haste: their number depends on the endpoint.
    for _ in Replay(given.plan, given.inputs, source, context, WINDOW, places=lambda address: 0):
        pass
    return source.requests
