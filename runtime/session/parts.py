"""The parts that a run gets from outside, and the switch that stops it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field

from flowrun.dsl import dataclass

from ..engine.scopes import NO_WATCHER, CallWatcher
from ..limits.retry import RetryPolicy
from ..vocabulary.errors import FlowrunError, StoppedError
from ..vocabulary.json_value import Json
from ..vocabulary.question import AskPerson
from .endpoints import LimiterAt, OpenProvider, plain
from .hosts import Ask
from .listeners import Listener


class Stop:
    """A switch that stops a run. The run begins nothing more, keeps the answers of requests under way, and ends."""

    def __init__(self) -> None:
        self.why: FlowrunError | None = None
        self._listen: Callable[[FlowrunError], None] = lambda why: None

    def __call__(self, signal: int = 0) -> None:
        """Stop the run, from any thread. ``signal`` is the signal that asked for it, 0 for none."""
        if self.why is None:
            self.why = StoppedError(signal)
            self._listen(self.why)

    def listen(self, to: Callable[[FlowrunError], None]) -> None:
        """Call ``to`` in the running event loop when the run is stopped, or at once if it was stopped before."""
        loop, thread = asyncio.get_running_loop(), threading.get_ident()

        def heard(why: FlowrunError) -> None:
            if threading.get_ident() == thread:
                to(why)
                return
            with suppress(RuntimeError):  # the loop is closed, because the run is over
                loop.call_soon_threadsafe(to, why)

        self._listen = heard
        if self.why is not None:
            heard(self.why)


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes of a run. With ``workers`` of 2 or more, so many run the bodies of maps and repeats.

    ``engine`` names what places them, "" for this machine. With ``send_keys`` it gets the keys of the run.
    ``limiter_at`` returns what makes the limiter of an endpoint, if the run has no further process.
    """

    workers: int = field(default=0, kw_only=True)
    engine: str = field(default="", kw_only=True)
    send_keys: bool = field(default=False, kw_only=True)
    limiter_at: LimiterAt = field(default=plain, kw_only=True)

    @property
    def several(self) -> bool:
        """True if the run has further processes."""
        return self.workers > 1 or bool(self.engine)


@dataclass(frozen=True, slots=True)
class Parts(Processes):
    """The parts that a run gets from outside and does not write to the journal."""

    on_event: Sequence[Listener]
    environ: Mapping[str, str]
    opener: OpenProvider
    policy: RetryPolicy
    stop: Stop
    ask_hosts: Ask | None
    on_result: Callable[[Json], None] | None = None
    remarks: Sequence[str] = ()
    """Lines on the assumptions that the readers of the inputs had to make."""
    learn: bool = True
    """True if the run learns from earlier runs, and leaves to later ones, what endpoints take."""
    watcher: CallWatcher = NO_WATCHER
    """A watcher of all calls."""
    ask_person: AskPerson | None = None
    """The function that puts questions to a person. None leaves them open."""
    wait: bool = True
    """True if the run waits for the answers of batch APIs."""
