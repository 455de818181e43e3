"""The scheduler of a worker: it runs the bodies that the driver sends, and tells their ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from ..account.folded import Fold
from ..engine.body_json import over_json
from ..engine.body_terms import LaunchBody
from ..engine.decisions import BodyOver, Decision
from ..engine.placed import Bodies
from ..vocabulary import events as e
from ..vocabulary.errors import StoppedError
from ..vocabulary.json_value import Json
from .event_forms import EventWriter
from .link import Message
from .sharing import SharingScheduler

_LATE = 0.05
"""The seconds for which events wait for others, if nothing else is sent."""


class EventRelay:
    """The sender of a worker's events. They go in batches, and always before what is sent after them.

    With a ``fold``, those that it can sum up go as sums.
    """

    def __init__(self, send: Callable[[Message], None], writer: EventWriter, fold: Fold | None = None) -> None:
        self._send = send
        self._writer = writer
        self.fold = fold
        self._rows: list[Json] = []
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, event: e.Event) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LATE, self.flush)
        if self.fold is None or not self.fold(event):
            self._rows.append(self._writer.row(event))

    def flush(self) -> None:
        rows, self._rows = self._rows, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.fold is not None and (sums := self.fold.take()) is not None:
            self._send({"figures": sums})
        if rows:
            self._send({"events": rows})


class ServingScheduler(SharingScheduler):
    """The scheduler of a worker. ``send`` sends a message to the driver, after the events that came before."""

    state: Bodies

    def __init__(self, send: Callable[[Message], None], relay: EventRelay, *given: Any) -> None:
        super().__init__(*given)
        self._send = send
        self._relay = relay
        self._waiting: deque[LaunchBody] = deque()
        self._open: set[int] = set()
        self._overs: list[Json] = []
        self._beginning = False

    async def serve(self) -> None:
        """Run bodies until the driver ends the run."""
        await self.run()
        self._relay.flush()

    def take(self, body: LaunchBody) -> None:
        """Take a body. It begins as soon as the bodies before it leave room. Those of one turn begin together."""
        if not self._beginning:
            self._beginning = True
            asyncio.get_running_loop().call_soon(self._begin)
        self._waiting.append(body)

    def _begin(self) -> None:
        self._beginning = False
        begun: list[LaunchBody] = []
        while self._waiting and self._stopped is None and len(self._open) < self.state.window:
            begun.append(body := self._waiting.popleft())
            self._open.add(body.number)
        if begun:
            self._act(self.state.open(begun))

    def give_back(self, most: int) -> list[int]:
        """Return the numbers of bodies that have not begun, at most so many. They are forgotten here."""
        return [self._waiting.pop().number for _ in range(min(most, len(self._waiting)))]

    def drop(self, number: int, *, keep: bool) -> None:
        """Cancel a body."""
        for body in self._waiting:
            if body.number == number:
                self._waiting.remove(body)
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
