"""The scheduler of a worker: it runs the bodies that the driver sends, and tells their ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from ..account.event_fold import Fold
from ..dispatch.leases import Leases
from ..engine.body_json import over_json
from ..engine.body_terms import LaunchBody
from ..engine.decisions import BodyOver, Decision
from ..engine.placed import Bodies
from ..vocabulary import events as e
from ..vocabulary.errors import StoppedError
from ..vocabulary.json_value import Json
from .body_queue import CHUNK, FIRST
from .event_forms import EventWriter
from .link import Message
from .sharing import SharingScheduler
from .shown_calls import ShownCalls

_LATE = 0.05
"""The seconds for which events wait for others, if nothing else is sent."""
_TOGETHER = 16
"""The events with prompts that go in one message. A message has a greatest length."""
_REST = 0.005
"""The seconds until the next chunk of bodies begins while requests wait for places."""


class EventRelay:
    """The sender of a worker's events. They go in batches, and always before what is sent after them.

    With a ``fold``, those that it can sum up go as sums, except those of ``shown`` calls.
    """

    def __init__(
        self,
        send: Callable[[Message], None],
        *,
        whole: bool,
        fold: Fold | None = None,
        shown: ShownCalls | None = None,
    ) -> None:
        self._send = send
        self._writer = EventWriter(whole=whole, shown=shown)
        self._together = _TOGETHER if whole or shown is not None else None
        self.fold = fold
        self.shown = shown
        self._rows: list[Json] = []
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, event: e.Event) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LATE, self.flush)
        single = self.fold is None or (self.shown is not None and self.shown.single(event))
        if single or self.fold is None or not self.fold(event):
            self._rows.append(self._writer.row(event))

    def flush(self) -> None:
        rows, self._rows = self._rows, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.fold is not None and (sums := self.fold.take()) is not None:
            self._send({"figures": sums})
        together = self._together or len(rows)
        for first in range(0, len(rows), max(1, together)):
            self._send({"events": rows[first : first + together]})
        if self.shown is not None and (ends := self.shown.ends()):
            self._send({"ends": ends})


class ServingScheduler(SharingScheduler):
    """The scheduler of a worker. ``send`` sends a message to the driver, after the events that came before."""

    state: Bodies

    def __init__(self, send: Callable[[Message], None], relay: EventRelay, *given: Any) -> None:
        super().__init__(*given)
        self._send = send
        self._relay = relay
        self._waiting: deque[list[LaunchBody]] = deque()
        self._open: set[int] = set()
        self._overs: list[Json] = []
        self._next: asyncio.Handle | None = None
        self._chunk = FIRST
        self._leases: Leases | None = None
        self._asked = False

    def share(self, leases: Leases) -> None:
        super().share(leases)
        self._leases = leases

    async def serve(self) -> None:
        """Run bodies until the driver ends the run."""
        await self.run()
        self._relay.flush()

    def take(self, chunk: list[LaunchBody]) -> None:
        """Take a chunk of bodies. They begin as soon as the bodies before them leave room, and together if they can."""
        if chunk:
            if self._leases is not None and not self._asked:
                # The places are there when the requests are made.
                self._asked = True
                asyncio.get_running_loop().call_soon(self._ask, self._leases)
            self._waiting.append(chunk)
            self._begin_soon()

    def _ask(self, leases: Leases) -> None:
        leases.expect(sum(map(len, self._waiting)))

    def _begin_soon(self) -> None:
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        """Begin bodies. After a chunk the loop turns, so the first requests leave before the last prompts are made."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        begun: list[LaunchBody] = []
        room = self.state.window - len(self._open)
        while self._waiting and self._stopped is None and len(begun) < min(room, self._chunk):
            chunk, free = self._waiting[0], room - len(begun)
            begun += chunk[:free]
            del chunk[:free]
            if not chunk:
                self._waiting.popleft()
        if begun:
            self._chunk = CHUNK
            self._open.update(body.number for body in begun)
            self._act(self.state.open(begun))
        if self._waiting and self._stopped is None and len(self._open) < self.state.window:
            # A timer, because what came from the driver goes first. Requests that wait for places need no others soon.
            rest = self._leases is not None and self._leases.awaited
            self._next = asyncio.get_running_loop().call_later(_REST if rest else 0, self._begin)

    def give_back(self, most: int) -> list[int]:
        """Return the numbers of bodies that have not begun, at most so many. They are forgotten here."""
        back: list[int] = []
        while self._waiting and len(back) < most:
            back.append(self._waiting[-1].pop().number)
            if not self._waiting[-1]:
                self._waiting.pop()
        return back

    def drop(self, number: int, *, keep: bool) -> None:
        """Cancel a body."""
        for chunk in self._waiting:
            for body in chunk:
                if body.number == number:
                    chunk.remove(body)
                    if not chunk:
                        self._waiting.remove(chunk)
                    self._tell(BodyOver(number))
                    return
        if number in self._open:
            self.catch_up()
            self._act(self.state.cancel(number, keep=keep))

    def halt(self) -> None:
        """Begin nothing more, as ``stop`` does, for the driver's reason."""
        self.stop(StoppedError(0))

    def end(self) -> None:
        """End the run. What is kept for the journal may still finish."""
        self.catch_up()
        self._act(self.state.end())

    def idle(self) -> None:
        self.catch_up()
        if self._stopped is not None:
            self._publish_all()
            self._relay.flush()
            self._send({"idle": True})

    def _beyond(self, decision: Decision) -> None:
        if isinstance(decision, BodyOver):
            self._tell(decision)

    def _tell(self, over: BodyOver) -> None:
        self._open.discard(over.number)
        if not self._overs:
            asyncio.get_running_loop().call_soon(self._send_overs)
        self._overs.append(over_json(over))

    def _send_overs(self) -> None:
        overs, self._overs = self._overs, []
        self._publish_all()
        self._relay.flush()
        self._send({"over": overs})
        self._begin()

    def catch_up(self) -> None:
        before = self.state.window
        super().catch_up()
        if self.state.window > before:
            self._send({"room": self.state.window})
            self._begin()
