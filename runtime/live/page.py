"""The live page of a run, from its start to its end."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from flowrun.dsl import plan as p

from ..pages.inputs import Inputs
from ..vocabulary import events as e
from ..vocabulary.partial_listener import PartialListener
from ..vocabulary.quoting import inert
from .server import LiveServer, Make
from .state import LiveState

LONGEST = 2.0
"""The most seconds that a run waits for its pages at its end."""


class LivePage(PartialListener):
    """The live page of a run, and the listener of its events. A fault in it ends the page, never the run."""

    def __init__(self, plan: p.Plan) -> None:
        """Open the page, and print its address to the standard error. Raises UsageError."""
        self.state = LiveState(plan, _text_of(plan))
        self._works = True
        self._server = LiveServer(self.state, Inputs(plan))
        self._server.start()
        print(inert(f"the run is shown at {self._server.address}"), file=sys.stderr, flush=True)

    def hears(self, kind: type) -> bool:
        return self.state.hears(kind)

    def __call__(self, event: e.Event) -> None:
        if self._works:
            try:
                self.state(event)
            except Exception as error:  # noqa: BLE001  the run is paid for
                self._works = False
                self._server.fail(error)

    async def finish(self, make: Make | None = None) -> None:
        """Show the end of the run, and close. ``make`` returns the record of the whole run."""
        await asyncio.to_thread(self._server.finish, make, LONGEST)


def _text_of(plan: p.Plan) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return Path(plan.source).read_text(encoding="utf-8") if plan.source else ""
    return ""
