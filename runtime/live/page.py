"""The live page of a run, from its start to its end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import Literal

from flowrun.dsl import plan as p

from ..account.sums import Figures
from ..costs.prices import Prices
from ..engine.decisions import Call, Failure
from ..engine.frames import Frame
from ..engine.scopes import CallWatcher, ReadAnswer
from ..pages.inputs import Inputs
from ..replay.call_book import TOO_MUCH
from ..replay.flow_text import text_beside
from ..vocabulary import events as e
from ..vocabulary.call_record import CallRecord
from ..vocabulary.errors import UsageError
from ..vocabulary.partial_listener import CallShowing
from ..vocabulary.quoting import inert
from .questions import LiveQuestions
from .server import LiveServer, Make
from .state import LiveState

LONGEST = 10.0
"""The most seconds that a run waits at its end until its pages are the report. Without pages it does not wait."""
PROMPT = 2.0
"""The most seconds that a run waits for its pages when it was stopped, or ended by an error."""


class LivePage(CallShowing, CallWatcher):
    """The live page of a run, and the listener of its events and calls. A fault in it ends the page, never the run."""

    reads_prompts = False
    """False: workers send it the prompts and answers for which it has room."""

    def __init__(self, plan: p.Plan) -> None:
        """Open the page, and print its address to the standard error. Raises UsageError."""
        self.state = LiveState(plan, text_beside(plan))
        self._works = True
        self.questions = LiveQuestions()
        self._server = LiveServer(self.state, Inputs(plan), self.questions)
        self._server.start()
        print(inert(f"the run is shown at {self._server.address}"), file=sys.stderr, flush=True)

    @property
    def whole(self) -> bool:
        """True if the page has all calls of the run since it began or was resumed."""
        return self._works and self.state.whole

    @property
    def has_room(self) -> bool:
        return self._works and self.state.has_room

    def hears(self, kind: type) -> bool:
        return self.state.hears(kind)

    def __call__(self, event: e.Event) -> None:
        self._note(self.state, event)

    def asked(self, call: Call, frame: Frame, read: ReadAnswer) -> None:
        self._note(self.state.asked, call, frame, read)

    def heard(self, call: Call, value: object) -> None:
        self._note(self.state.heard, call, value)

    def failed(self, call: Call, failure: Failure) -> None:
        self._note(self.state.failed, call, failure)

    def cancelled(self, call: Call) -> None:
        self._note(self.state.cancelled, call)

    def ended(self, place: str, end: Literal["failed", "cancelled"], reason: str) -> None:
        self._note(self.state.ended, place, end, reason)

    def add_figures(self, figures: Figures) -> None:
        """Take the sums of events of a worker."""
        self._note(self.state.add_figures, figures)

    def records(self, prices: Prices, votes: Mapping[str, object]) -> tuple[CallRecord, ...]:
        """Return all calls after the end of the run. Raises UsageError, if the page does not have all."""
        if not self._works:
            raise UsageError(
                "the live page had a fault of its own, so the calls were not kept in memory: give the run a journal, "
                "as in RunOptions(journal='run.db')"
            )
        if not self.whole:
            raise UsageError(TOO_MUCH)
        return self.state.records(prices, votes)

    def _note(self, take: Callable[..., None], *given: object) -> None:
        if self._works:
            try:
                take(*given)
            except Exception as error:  # noqa: BLE001  the run is paid for
                self._works = False
                self._server.fail(error)

    async def finish(self, make: Make | None = None, *, stopped: bool = False) -> None:
        """Show the end of the run, and close. ``make`` returns the record of the whole run.

        ``stopped`` says that the user waits for the end: the pages get less time.
        """
        await asyncio.to_thread(self._server.finish, make, PROMPT if stopped else LONGEST)
