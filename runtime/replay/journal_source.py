"""The journal as a source: one part of a run, in the order in which its answers came."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from ..dispatch.cache import known_in
from ..engine.decisions import Call, Known, LaunchExtern, Read
from ..journal.attempts import RunRow
from ..journal.records import NOT_ANSWERED, NOT_SENT, SENT_AGAIN, TAKEN_UP, Kind
from ..vocabulary.call import Answer
from ..vocabulary.errors import CallError, FlowrunError, PermanentError
from ..vocabulary.json_value import Json
from .cursor import CallId, Cursor
from .failures import AttemptsMade
from .pending import PendingCalls, PendingExterns, ReplayTimers
from .source import UNKNOWN, AnswerSource, Came, Doubted, Happening, Hedged, TimedOut, Widened

_WIDEST = 1 << 20

ReadFile = Callable[[Read], Json]


class JournalSource(AnswerSource):
    """The rows of one part of a run: from its beginning, or from a resume, to the end or to the next resume.

    ``find`` looks up the answers that were there before this part. ``over`` is True if the run ended by itself in
    this part. Then the calls without an end in the journal have failed: their requests were not sent any more. For a
    killed or stopped run they stay open. ``read_file`` returns the values of reads. ``window`` is the number of bodies
    that blocks may have open at first. ``spent`` is a sentence if several processes had used up the budget of the run.
    Then the calls without any row are those for which it had no room, wherever they stand in the flow.

    ``changed`` are the paths of calls that the flow made in another form than the journal has.
    """

    def __init__(
        self,
        rows: Sequence[RunRow],
        find: Callable[[Call], Known],
        read_file: ReadFile,
        *,
        over: bool,
        window: int,
        spent: str = "",
    ) -> None:
        super().__init__()
        self._rows = Cursor(rows)
        self._find = find
        self._read_file = read_file
        self._ended = over
        self._window = window
        self._calls = PendingCalls(spent)
        self._attempts = AttemptsMade()
        self._externs_due = PendingExterns()
        self._timers = ReplayTimers()
        self._early: dict[CallId, Came] = {}
        self._due: deque[Happening] = deque()
        self.changed: dict[str, bytes] = {}

    # What the replay tells

    def known(self, call: Call) -> Known:
        found = self._find(call)
        if not self._calls.spent or call.question is not None:
            return found
        unsent = found.answer is None and CallId(found.key, call.place) not in self._rows
        return self._calls.mark(call, found, unsent=unsent)

    def read(self, read: Read) -> Json:
        return self._read_file(read)

    def launched(self, call: Call) -> None:
        name = CallId(call.known.key, call.place)
        self._calls.add(name, call)
        if name in self._early:
            came = self._early.pop(name)
            self._due.append(Came(call.number, came.what, came.usage))
            self._forget(name)
        elif name not in self._rows and not self._is_last(call.place):
            self.changed[call.place] = call.known.key

    def _is_last(self, place: str) -> bool:
        """True if the flow made all calls that the rows have at this place: a call after them was not sent."""
        last = self._rows.places.get(place)
        return last is None or CallId(last, place) in self._calls.seen

    def cancelled(self, call: Call) -> None:
        self._calls.forget(call.number)
        if (name := self._calls.name(call.number)) is not None:
            self._forget(name)

    def launched_extern(self, launch: LaunchExtern) -> None:
        if (returned := self._externs_due.launch(launch)) is not None:
            self._due.append(returned)

    def started(self, timer: int, seconds: float) -> None:
        self._timers.start(timer, seconds)

    def stopped(self, timer: int) -> None:
        self._timers.stop(timer)

    def _forget(self, name: CallId) -> None:
        self._calls.drop(name)
        self._attempts.failing.pop(name, None)

    # What happens next

    def next(self) -> Happening | None:
        while not self._due:
            row = self._rows.row
            if row is None:
                return self._rest()
            body = self._rows.body()
            if (before := self._before(row, body)) is not None:
                return before
            self._rows.step()
            self._take(row, body)
        return self._due.popleft()

    def _before(self, row: RunRow, body: Mapping[str, Json]) -> Happening | None:
        """Return what must have happened before a row, although the journal has no row of its own for it."""
        time = body.get("to", body.get("at"))
        if isinstance(time, int) and (timer := self._timers.move(float(time))) is not None:
            return TimedOut(timer)
        if row.kind not in (Kind.INTENT, Kind.ANSWER) or CallId(row.key, row.place) in self._calls.seen:
            return None
        if row.place in self.changed:
            return None
        if row.kind == Kind.INTENT and self._window < _WIDEST:
            self._window *= 2
            self._due.append(Widened(self._window))
        return self._silent(timers=time is None)

    def _silent(self, *, timers: bool) -> Happening | None:
        """Return something that happened without a row: a failure of a call that was not sent, or a time-out."""
        for name, call in self._calls:
            error = self._attempts.closed.get(call.model)
            if error is not None and self._is_unsent(name):
                return self._came(name, call, error)
        for name, error in self._attempts.failing.items():
            if (failed := self._calls.get(name)) is not None and not self._rows.fails_later(name):
                return self._came(name, failed, error)
        return self._timed_out() if timers else None

    def _timed_out(self) -> Happening | None:
        timer = self._timers.first()
        return None if timer is None else TimedOut(timer)

    def _is_unsent(self, name: CallId) -> bool:
        return name not in self._rows and name.place not in self.changed

    def _rest(self) -> Happening | None:
        """Return what happened after the last row of a run that ended by itself."""
        if not self._ended:
            return None
        if (silent := self._silent(timers=False)) is not None:
            return silent
        closed = self._attempts.closed
        for name, call in self._calls:
            if closed and self._is_unsent(name):
                return self._came(name, call, next(reversed(closed.values())))
        return self._calls.refused() or self._timed_out() or self._given_up()

    def _given_up(self) -> Happening | None:
        """Return the failure of a call that was not sent, because its server answered nobody for too long."""
        for name, call in self._calls:
            error = self._attempts.outage(call.model)
            if error is not None and name.place not in self.changed:
                return self._came(name, call, error)
        return None

    def _came(self, name: CallId, call: Call, what: Answer | CallError) -> Came:
        self._forget(name)
        return Came(call.number, what)

    # The rows

    def _take(self, row: RunRow, body: Mapping[str, Json]) -> None:
        name = CallId(row.key, row.place)
        match row.kind:
            case Kind.INTENT:
                self._sent(name)
            case Kind.ANSWER:
                self._answered(name, row, body)
            case Kind.REFUSED | Kind.DOUBT:
                self._refused(name, row, body)
            case Kind.CANCELLED:
                self._attempts.end(name)
            case Kind.FAILED:
                self._failed(name, body)
            case Kind.EXTERN:
                self._returned(row.place, body)

    def _sent(self, name: CallId) -> None:
        beside = self._attempts.send(name)
        if beside and (call := self._calls.get(name)) is not None:
            self._due.append(Hedged(call.number))

    def _answered(self, name: CallId, row: RunRow, body: Mapping[str, Json]) -> None:
        self._attempts.end(name)
        call = self._calls.get(name)
        if call is None and name in self._calls.seen:
            return
        if call is not None:
            self._attempts.answered(call.model)
        known = known_in(body, row.number)
        assert known.answer is not None
        if call is not None:
            self._due.append(Came(call.number, known.answer, known.usage))
            self._forget(name)
        else:
            self._early[name] = Came(0, known.answer, known.usage)

    def _refused(self, name: CallId, row: RunRow, body: Mapping[str, Json]) -> None:
        said = body.get("said")
        if said == SENT_AGAIN:
            return
        left = self._attempts.end(name)
        call = self._calls.get(name)
        last = body.get("final") is True
        if call is None or said in (NOT_SENT, NOT_ANSWERED, TAKEN_UP) or (left > 0 and not last):
            return
        error, surely = self._attempts.fail(name, call, row, body)
        again = not last and self._rows.sent_later(name)
        if again or not (last or surely):
            if row.kind == Kind.DOUBT:
                self._due.append(Doubted(call.number))
            if not again:
                self._attempts.failing[name] = error
            return
        if isinstance(error, PermanentError):
            self._attempts.closed[call.model] = error
        self._due.append(self._came(name, call, error))

    def _failed(self, name: CallId, body: Mapping[str, Json]) -> None:
        if (call := self._calls.get(name)) is not None:
            self._due.append(self._came(name, call, self._attempts.lost(name, body)))

    def _returned(self, path: str, body: Mapping[str, Json]) -> None:
        value = FlowrunError(str(body["error"])) if "error" in body else body.get("value", UNKNOWN)
        if value is not UNKNOWN and (returned := self._externs_due.give(path, value)) is not None:
            self._due.append(returned)
