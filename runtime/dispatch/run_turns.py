"""The turns of a run at the books of the limits that it shares with other runs (``RunBook``).

One task takes a turn at each endpoint every half second, and sooner while requests wait for a larger share. If the
table cannot be used, the run goes on with the last share that it had; a run that never had one takes the whole limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from flowrun.dsl import dataclass

from ..journal.limit_table import LimitTable
from ..limits.run_book import TURN, RunBook
from ..limits.run_portion import Portion
from ..vocabulary.errors import DiskError
from ..vocabulary.json_value import Json

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

SOON = 0.05
"""The seconds between two turns while requests wait for a larger share. They double as long as nothing changes."""
_LEAST = 0.002
_TRIES = 100
"""The tries to get at a table that another run is using, a millisecond each."""
_LEAVING = 2.0
"""The seconds that a run waits at its end to give its shares back."""


class Sharer(Protocol):
    """A limiter that shares its limits with other runs, or the book of those of a run with workers."""

    portion: Portion | None

    @property
    def taken(self) -> int: ...

    @property
    def pressed(self) -> bool: ...

    def need(self, now: float) -> dict[str, Any]: ...

    def share(self, answer: dict[str, Any], now: float) -> object: ...


@dataclass(eq=False, slots=True)
class Seat:
    """The place of one run at the book of an endpoint: its key, the limiter and the part that this has.

    ``due`` is the loop's time of the next turn, and ``pause`` the seconds until it while requests wait. ``joined`` says
    that a turn has succeeded, and ``failed`` that the last one has not. ``dead`` are runs that the next turn reports.
    """

    key: str
    limiter: Sharer
    portion: Portion
    due: float = 0.0
    last: float = 0.0
    pause: float = SOON
    joined: bool = False
    failed: bool = False
    dead: Sequence[str] = ()


class RunTurns:
    """The turns of one run, whose ``name`` no other run has at the same time. ``tell`` gets a remark for the user.

    ``number`` is that of the run in its journal, None for several runs of one process. ``live`` returns those of some
    numbers whose runs go on.
    """

    def __init__(
        self,
        name: str,
        table: LimitTable,
        seats: Sequence[Seat],
        tell: Callable[[str], object],
        number: int | None = None,
        live: Callable[[Sequence[int]], Container[int]] = tuple,
    ) -> None:
        self._name = name
        self._number = number
        self._live = live
        self._table = table
        self._seats = seats
        self._tell = tell
        self._told = False
        self._task: asyncio.Task[None] | None = None
        self._thread = _thread() if table.waits else None

    async def begin(self) -> None:
        """Take the first turns, and go on in a task."""
        for seat in self._seats:
            seat.limiter.portion = seat.portion
            await self._turn(seat)
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    def close(self) -> None:
        """Give all shares back."""
        if self._task is not None:
            self._task.cancel()
        for seat in self._seats:
            if seat.joined:
                report = seat.limiter.need(asyncio.get_running_loop().time()) | {"leave": True}
                with suppress(DiskError, BlockingIOError, TimeoutError):
                    turn = partial(self._table.turn, seat.key, partial(_changed, self._name, report))
                    turn() if self._thread is None else self._thread.submit(turn).result(_LEAVING)
        if self._thread is None:
            self._table.close()
        else:
            self._thread.submit(self._table.close)
            self._thread.shutdown(wait=False)

    async def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            shared = any(one.portion.runs > 1 or one.limiter.pressed for one in self._seats)
            wake = min((_wake(one, loop.time()) for one in self._seats), default=TURN)
            await asyncio.sleep(max(_LEAST, min(wake, SOON if shared else TURN)))
            for seat in self._seats:
                if _wake(seat, loop.time()) <= 0:
                    await self._turn(seat)

    async def _turn(self, seat: Seat) -> None:
        """Take a turn. One that gives the rates back is followed by another at once."""
        loop, portion = asyncio.get_running_loop(), seat.portion
        for _ in range(2):
            pressed, before = seat.limiter.pressed, (portion.places, portion.runs)
            report = seat.limiter.need(loop.time())
            if not seat.joined:
                report |= {"new": True, "want": max(1, report["want"]), "number": self._number}
            if seat.dead:
                report["dead"], seat.dead = seat.dead, ()
            try:
                answer = await self._tried(seat.key, partial(_changed, self._name, report))
            except (DiskError, BlockingIOError) as error:
                portion.undo(report)
                self._alone(seat, error)
                return
            seat.joined, seat.failed = True, False
            seat.limiter.share(answer, loop.time())
            seat.last = loop.time()
            fresh = not pressed or (portion.places, portion.runs) != before
            seat.pause = SOON if fresh else min(2 * seat.pause, TURN)
            if silent := answer.get("silent"):
                seat.dead = await self._dead(silent)
            if not portion.wanted:
                return

    async def _dead(self, silent: Mapping[str, int]) -> Sequence[str]:
        """Return the silent runs that go on no more, as far as the journal can tell."""
        numbers = [*silent.values()]
        try:
            if self._thread is None:
                live = self._live(numbers)
            else:
                live = await asyncio.get_running_loop().run_in_executor(self._thread, self._live, numbers)
        except DiskError:
            return ()
        return [name for name, number in silent.items() if number not in live]

    async def _tried(self, key: str, change: Callable[[Json, float], tuple[Json, Any]]) -> Any:
        if self._thread is not None:
            turn = partial(self._table.turn, key, change)
            return await asyncio.get_running_loop().run_in_executor(self._thread, turn)
        for _ in range(_TRIES):
            with suppress(BlockingIOError):
                return self._table.turn(key, change)
            await asyncio.sleep(0.001)
        return self._table.turn(key, change)

    def _alone(self, seat: Seat, error: Exception) -> None:
        """Go on without a table, with the last share or with the whole limit."""
        now = asyncio.get_running_loop().time()
        if isinstance(error, BlockingIOError):
            return
        since, seat.last, seat.failed = seat.last, now, True
        if seat.joined:
            seat.portion.by_itself(now - since, now)
        else:
            seat.portion.unbind()
        seat.limiter.share({}, now)
        if not self._told:
            self._told = True
            then = "the share that it had" if seat.joined else "the whole of its limits"
            self._tell(f"the limits that runs share are unknown: {error}; this run goes on with {then}")


def _thread() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # a table in a file needs no thread

    return ThreadPoolExecutor(1, "flowrun-limits")


def _changed(name: str, report: dict[str, Any], state: Json, now: float) -> tuple[Json, Any]:
    book = RunBook(state)
    answer = book.turn(name, report, now)
    return book.json(), answer


def _wake(seat: Seat, now: float) -> float:
    """Return the seconds until the next turn of a seat."""
    portion, due = seat.portion, seat.last + TURN
    if portion.wanted:
        return 0.0
    if seat.failed:
        return due - now
    if portion.lacking:
        due = min(due, max(seat.last + _LEAST, portion.ready) if portion.ready < inf else seat.last + SOON)
    elif seat.limiter.pressed:
        due = min(due, seat.last + seat.pause)
    elif portion.owes(seat.limiter.taken):
        due = min(due, seat.last + SOON)
    return due - now
