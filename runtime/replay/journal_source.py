"""The journal as a source: one stretch of a run, in the order in which its answers came."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from flowrun.dsl import ATTEMPTS

from ..dispatch.cache import known_in
from ..engine.decisions import Call, Known, LaunchExtern, Read
from ..journal.attempts import RunRow
from ..journal.records import NOT_ANSWERED, NOT_SENT, Kind
from ..vocabulary.call import Answer
from ..vocabulary.errors import CallError, FlowrunError, InDoubtError, PermanentError, RefusedError
from ..vocabulary.json_value import Json
from .source import UNKNOWN, Came, Doubted, Happening, Hedged, Returned, Source, TimedOut, Widened
from .stretches import OF_CALLS

SENT_AGAIN = "sent again"
"""The words of a ``DOUBT`` row about an attempt of an earlier stretch, whose call is sent again."""
_WIDEST = 1 << 20
_TRANSIENT = frozenset({408, 409, 425, 429})
"""The statuses below 500 after which the same request may succeed."""

ReadFile = Callable[[Read], Json]


class CallId(NamedTuple):
    """The key of a call and its place. Within one stretch they tell it from all other calls."""

    key: bytes
    place: str


class JournalSource(Source):
    """The rows of one stretch of a run.

    ``find`` looks up the answers that were there before the stretch. ``over`` is True if the run ended by itself in
    this stretch. Then the calls without an end in the journal have failed: their requests were not sent any more. For a
    killed or stopped run they stay open. ``read_file`` returns the values of reads. ``window`` is the number of bodies
    that blocks may have open at first.

    ``strangers`` are the rows whose calls the flow did not make; ``changed`` are the paths of calls that the flow made
    in another form than the journal has.
    """

    def __init__(
        self,
        rows: Sequence[RunRow],
        find: Callable[[Call], Known],
        read_file: ReadFile,
        *,
        over: bool,
        window: int,
        again: Callable[[Call], bool] = lambda call: False,
    ) -> None:
        super().__init__()
        self._rows = rows
        self._find = find
        self._read_file = read_file
        self._ended = over
        self._window = window
        self._at = 0
        self._now = 0.0
        self._of: dict[CallId, list[int]] = {}
        self._places: dict[str, bytes] = {}
        for at, row in enumerate(rows):
            if row.kind in OF_CALLS:
                self._of.setdefault(CallId(row.key, row.place), []).append(at)
                self._places[row.place] = row.key
        self._calls: dict[CallId, Call] = {}
        self._ids: dict[int, CallId] = {}
        self._seen: set[CallId] = set()
        self._under_way: dict[CallId, int] = {}
        self._early: dict[CallId, Came] = {}
        self._failing: dict[CallId, CallError] = {}
        self._closed: dict[str, CallError] = {}
        self._due: deque[Happening] = deque()
        self._timers: dict[int, float] = {}
        self._by_path: dict[str, deque[int]] = {}
        self._values: dict[str, Json] = {}
        self.changed: dict[str, bytes] = {}

    @property
    def seen(self) -> set[CallId]:
        """The calls that the flow made."""
        return self._seen

    # What the replay tells

    def known(self, call: Call) -> Known:
        return self._find(call)

    def read(self, read: Read) -> Json:
        return self._read_file(read)

    def launched(self, call: Call) -> None:
        name = CallId(call.known.key, call.place)
        self._ids[call.number] = name
        self._calls[name] = call
        self._seen.add(name)
        if name in self._early:
            came = self._early.pop(name)
            self._due.append(Came(call.number, came.what, came.usage))
            self._forget(name)
        elif name not in self._of and call.place in self._places:
            self.changed[call.place] = call.known.key

    def cancelled(self, call: Call) -> None:
        name = self._ids.pop(call.number, None)
        if name is not None:
            self._forget(name)

    def launched_extern(self, launch: LaunchExtern) -> None:
        self._by_path.setdefault(launch.path, deque()).append(launch.number)
        if launch.path in self._values:
            self._due.append(Returned(self._by_path[launch.path].popleft(), self._values.pop(launch.path)))

    def started(self, timer: int, seconds: float) -> None:
        self._timers[timer] = self._now + seconds * 1000

    def stopped(self, timer: int) -> None:
        self._timers.pop(timer, None)

    def _forget(self, name: CallId) -> None:
        call = self._calls.pop(name, None)
        if call is not None:
            self._ids.pop(call.number, None)
        self._failing.pop(name, None)

    # What happens next

    def next(self) -> Happening | None:
        while not self._due:
            if self._at == len(self._rows):
                return self._rest()
            row = self._rows[self._at]
            body = json.loads(row.body)
            if (before := self._before(row, body)) is not None:
                return before
            self._at += 1
            self._take(row, body if isinstance(body, dict) else {})
        return self._due.popleft()

    def _before(self, row: RunRow, body: Json) -> Happening | None:
        """Return what must have happened before a row, although the journal has no row of its own for it."""
        time = body.get("to", body.get("at")) if isinstance(body, dict) else None
        if isinstance(time, int):
            self._now = max(self._now, float(time))
            if (timer := self._timed(self._now)) is not None:
                return timer
        if row.kind not in (Kind.INTENT, Kind.ANSWER) or CallId(row.key, row.place) in self._seen:
            return None
        if self._is_changed(row):
            return None
        if row.kind == Kind.INTENT and self._window < _WIDEST:
            self._window *= 2
            self._due.append(Widened(self._window))
        return self._silent(timers=time is None)

    def _is_changed(self, row: RunRow) -> bool:
        return row.place in self.changed

    def _silent(self, *, timers: bool) -> Happening | None:
        """Return something that happened without a row: a failure of a call that was not sent, or a time-out."""
        for name, call in self._calls.items():
            error = self._closed.get(call.model)
            if error is not None and name not in self._of and call.place not in self.changed:
                return self._came(name, error)
        for name, error in self._failing.items():
            return self._came(name, error)
        return self._timed(float("inf")) if timers else None

    def _timed(self, until: float) -> Happening | None:
        if not self._timers:
            return None
        timer = min(self._timers, key=lambda one: self._timers[one])
        if self._timers[timer] >= until and until != float("inf"):
            return None
        del self._timers[timer]
        return TimedOut(timer)

    def _rest(self) -> Happening | None:
        """Return what happened after the last row of a run that ended by itself."""
        if not self._ended:
            return None
        if (silent := self._silent(timers=False)) is not None:
            return silent
        for name, call in self._calls.items():
            if name not in self._of and call.place not in self.changed and self._closed:
                return self._came(name, next(reversed(self._closed.values())))
        return self._timed(float("inf"))

    def _came(self, name: CallId, what: Answer | CallError) -> Came:
        number = self._calls[name].number
        self._forget(name)
        return Came(number, what)

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
                self._over(name)
            case Kind.EXTERN:
                self._returned(row.place, body)

    def _sent(self, name: CallId) -> None:
        under_way = self._under_way.get(name, 0)
        self._under_way[name] = under_way + 1
        if under_way and name in self._calls:
            self._due.append(Hedged(self._calls[name].number))
        self._failing.pop(name, None)

    def _over(self, name: CallId) -> int:
        """Count an attempt as ended. Return the number of attempts that are still under way."""
        left = self._under_way.get(name, 0) - 1
        if left > 0:
            self._under_way[name] = left
        else:
            self._under_way.pop(name, None)
        return left

    def _answered(self, name: CallId, row: RunRow, body: Mapping[str, Json]) -> None:
        self._over(name)
        known = known_in(body, row.number)
        assert known.answer is not None
        call = self._calls.get(name)
        if call is not None:
            self._due.append(Came(call.number, known.answer, known.usage))
            self._forget(name)
        elif name not in self._seen:
            self._early[name] = Came(0, known.answer, known.usage)

    def _refused(self, name: CallId, row: RunRow, body: Mapping[str, Json]) -> None:
        said = str(body.get("said", ""))
        if said == SENT_AGAIN:
            return
        left = self._over(name)
        call = self._calls.get(name)
        if call is None or left > 0 or said in (NOT_SENT, NOT_ANSWERED):
            return
        doubtful = row.kind == Kind.DOUBT
        numbers = self._of[name]
        again = any(at >= self._at and self._rows[at].kind == Kind.INTENT for at in numbers)
        error, final = self._failure(call, said, body.get("status"), doubtful, numbers)
        if again or not final:
            if doubtful:
                self._due.append(Doubted(call.number))
            if not again:
                self._failing[name] = error
            return
        if isinstance(error, PermanentError):
            self._closed[call.model] = error
        self._due.append(self._came(name, error))

    def _failure(
        self, call: Call, said: str, status: Json, doubtful: bool, numbers: Sequence[int]
    ) -> tuple[CallError, bool]:
        """Make the failure of a call from its last row. Return it, and True if it surely ended the call."""
        code = status if isinstance(status, int) else None
        if not doubtful and code is not None and 400 <= code < 500 and code not in _TRANSIENT:
            return PermanentError(said, status=code), True
        ends = [at for at in numbers if at < self._at and self._rows[at].kind in (Kind.REFUSED, Kind.DOUBT)]
        doubts = doubtful or any(self._rows[at].kind == Kind.DOUBT for at in ends)
        made = len(ends)
        why = f"{said} (gave up after {made} attempt{'s' * (made > 1)})"
        error = (InDoubtError if doubts else RefusedError)(why, status=code)
        error.doubtful = doubtful
        retries = call.policy.retries
        return error, made >= (ATTEMPTS if retries is None else retries + 1)

    def _returned(self, path: str, body: Mapping[str, Json]) -> None:
        value = body.get("value", UNKNOWN)
        if "error" in body:
            value = FlowrunError(str(body["error"]))
        if value is UNKNOWN:
            return
        waiting = self._by_path.get(path)
        if waiting:
            self._due.append(Returned(waiting.popleft(), value))
        else:
            self._values[path] = value
