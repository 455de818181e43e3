"""The live page of a run, from its start to its end."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from flowrun.dsl import plan as p

from ..pages.inputs import Inputs
from ..vocabulary.quoting import inert
from .server import LiveServer, Make
from .state import LiveState

LONGEST = 2.0
"""The most seconds that a run waits for its pages at its end."""


class LivePage:
    """The live page of a run. ``state`` is the listener that it needs."""

    def __init__(self, plan: p.Plan) -> None:
        """Open the page, and print its address to the standard error. Raises UsageError."""
        self.state = LiveState(plan, _text_of(plan))
        self._server = LiveServer(self.state, Inputs(plan))
        self._server.start()
        print(inert(f"the run is shown at {self._server.address}"), file=sys.stderr, flush=True)

    async def finish(self, make: Make | None = None) -> None:
        """Show the end of the run, and close. ``make`` returns the record of the whole run."""
        await asyncio.to_thread(self._server.finish, make, LONGEST)


def _text_of(plan: p.Plan) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return Path(plan.source).read_text(encoding="utf-8") if plan.source else ""
    return ""
