"""The scheduler of a run with workers: it gives bodies to the hub, and takes their ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from ..dispatch.scheduler import GRACE
from ..engine.body_terms import CancelBody, LaunchBody
from ..engine.decisions import BodyOver, Decision, Outcome
from ..engine.state import State
from ..vocabulary.errors import FlowrunError
from . import beginning
from .hub import Hub
from .sharing import SharingScheduler

_EARLY = 0.05
"""Seconds. A timer may fire a little before its time."""


class DrivingScheduler(SharingScheduler):
    """The scheduler of the driver. Bodies that run elsewhere go to the ``hub``."""

    state: State

    def __init__(self, hub: Hub, *given: Any) -> None:
        super().__init__(*given)
        self._hub = hub
        self._overs: list[BodyOver] = []
        self._until: float | None = None
        self._rests = False
        hub.listen(self, self.state.window)
        self.share(hub.leases)

    async def run(self) -> Outcome:
        try:
            outcome = await super().run()
            await self._hub.team.finish(GRACE)
            return outcome
        finally:
            self._hub.team.close()

    @property
    def _waits(self) -> bool:
        return super()._waits or self._hub.out or bool(self._overs)

    @property
    def busy(self) -> bool:
        return super().busy or self._hub.out

    def stop(self, why: FlowrunError) -> None:
        if self._stopped is None:
            self._until = asyncio.get_running_loop().time() + GRACE
            self._hub.stop()
        super().stop(why)

    def idle(self) -> None:
        self._rests = True
        late = self._until is not None and asyncio.get_running_loop().time() >= self._until - _EARLY
        if late or not self._hub.busy:
            super().idle()

    @property
    def sending(self) -> bool:
        return self._dispatcher.busy

    def rested(self) -> None:
        if self._rests:
            self.idle()

    def _beyond(self, decision: Decision) -> None:
        if isinstance(decision, LaunchBody):
            self._hub.launch(decision)
        elif isinstance(decision, CancelBody):
            self._hub.cancel(decision)

    @property
    def free(self) -> int:
        window = min(self.state.window, beginning.MOST_HERE)
        return window - max(self.state.count_here(), len(self._dispatcher.calls))

    def run_here(self, numbers: Sequence[int]) -> None:
        try:
            self._act(self.state.bodies_here(numbers))
        except Exception as error:  # noqa: BLE001 - what a callback raises is seen by nobody
            self.mistake(error)

    def _act(self, decisions: Iterable[Decision]) -> None:
        super()._act(decisions)
        self._hub.free()

    def over(self, over: BodyOver) -> None:
        # The ends of one turn are handled together, and none from within a decision.
        if not self._overs:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._overs.append(over)

    def catch_up(self) -> None:
        super().catch_up()
        overs, self._overs = self._overs, []
        if overs:
            self._act(self.state.bodies_over(overs))

    @property
    def behind(self) -> bool:
        return super().behind or bool(self._overs)

    def widen(self, bodies: int) -> None:
        if bodies > self.state.window:
            self.state.widened(bodies)
            self._hub.room(bodies)
