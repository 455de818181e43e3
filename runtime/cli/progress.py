"""The progress of a running flow, for people: lines that change on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO, cast

from ..account.causes import Causes
from ..account.summary import Summary
from ..vocabulary import events as e
from ..vocabulary.errors import BudgetError
from ..vocabulary.partial_listener import PartialListener
from ..vocabulary.quoting import inert

if TYPE_CHECKING:
    from ..account.sums import Figures
    from .screen import Above, Screen

EVERY = 5.0
"""The seconds between plain lines about the progress of a run."""
REDRAW = 0.25
"""The seconds between two drawings on a terminal."""
AT_ONCE = 0.05
"""The least seconds between two drawings, if there are notices to print."""


class Watcher(Protocol):
    def __call__(self, event: e.Event) -> None: ...

    def __enter__(self) -> Watcher: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def held(self) -> AbstractContextManager[TextIO]: ...


def watcher(quiet: bool) -> Watcher:
    if quiet:
        return Silent()
    return LiveDisplay() if sys.stderr.isatty() else ProgressLines()


class Silent(PartialListener):
    """A watcher that prints only urgent notices, which are those that may concern money."""

    reads_prompts = False

    def hears(self, kind: type) -> bool:
        return kind is e.Notice

    def __call__(self, event: e.Event) -> None:
        if isinstance(event, e.Notice) and event.urgent:
            print(inert(event.text), file=sys.stderr, flush=True)

    def __enter__(self) -> Silent:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def held(self) -> AbstractContextManager[TextIO]:
        """Return the stream of the terminal. Nothing else is printed there until the context ends."""
        return nullcontext(sys.stderr)


class ProgressLines(Silent):
    """A watcher that prints notices, retries and losses at once, and the progress of the run every few seconds."""

    def __init__(self) -> None:
        self.summary = Summary()
        self.teller = Teller()
        self.began = self.told = time.monotonic()

    def hears(self, kind: type) -> bool:
        return self.summary.hears(kind)

    def __call__(self, event: e.Event) -> None:
        self.summary(event)
        if line := self.teller(event):
            print(inert(line), file=sys.stderr, flush=True)
        if isinstance(event, e.RequestStarted):
            self._tell_state()

    def add_figures(self, figures: Figures) -> None:
        """Take the sums of events of a worker process."""
        self.summary.add_figures(figures)
        self._tell_state()

    def _tell_state(self) -> None:
        now = time.monotonic()
        if now - self.told >= EVERY:
            self.told = now
            from ..account.progress import state_line

            print(inert(state_line(self.summary, now - self.began)), file=sys.stderr, flush=True)


class _Pause:
    """The pause of a display. While it is on, a person types. Who draws or begins a pause holds the ``pen``."""

    def __init__(self) -> None:
        self.pen = threading.Lock()
        self.on = False


class LiveDisplay(Silent):
    """A watcher that redraws the progress of the run a few times a second, and prints notices above it.

    A thread draws. So a terminal that takes no output, after ^S for example, does not hold up the run.
    """

    def __init__(self) -> None:
        self.summary = Summary()
        from ..account.blocks import Blocks

        self.blocks = Blocks()
        self.teller = Teller()
        self.began = time.monotonic()
        self._said: deque[str] = deque()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None
        self._above: Above | None = None
        self._screen: Screen | None = None
        self._pause = _Pause()

    def hears(self, kind: type) -> bool:
        return self.summary.hears(kind) or self.blocks.hears(kind)

    def __call__(self, event: e.Event) -> None:
        with self._lock:
            self.summary(event)
            self.blocks(event)
        line = self.teller(event)
        if self._thread is None:
            if line:
                print(inert(line), file=sys.stderr, flush=True)
            if isinstance(event, e.RunStarted):
                # Until here the run may still ask the person at the terminal a question.
                self._start()
        elif line:
            self._say(line)

    def _say(self, line: str) -> None:
        self._said.append(inert(line))
        self._wake.set()

    def _start(self) -> None:
        from .screen import Above, Screen

        self._above = Above(sys.stderr, self._say)
        self._screen = Screen(sys.stderr)
        self._thread = threading.Thread(target=self._draw_on, args=(self._screen,), name="flowrun-display", daemon=True)
        sys.stderr = cast(TextIO, self._above)
        self._thread.start()

    def _draw_on(self, screen: Screen) -> None:
        with suppress(OSError, ValueError):  # the terminal is gone
            while not self._over:
                with self._pause.pen:
                    if not self._pause.on:
                        screen.draw(self._lines(*screen.size), self._heard())
                self._wake.wait(REDRAW)
                if self._wake.is_set():
                    self._wake.clear()
                    time.sleep(AT_ONCE)
            screen.draw((), self._heard())

    @contextmanager
    def held(self) -> Iterator[TextIO]:
        """Take the lower lines away, and draw nothing until the context ends."""
        if self._screen is None or self._above is None:
            yield sys.stderr
            return
        with self._pause.pen:
            self._pause.on = True
            self._screen.draw((), self._heard())
        try:
            yield self._above.stream
        finally:
            self._pause.on = False
            self._wake.set()

    def _heard(self) -> list[str]:
        return [self._said.popleft() for _ in range(len(self._said))]

    def _lines(self, width: int, rows: int) -> list[str]:
        now = time.monotonic()
        with self._lock:
            for bar in self.blocks.running:
                bar.look(now)
            from ..account.progress import lines

            return lines(self.summary, self.blocks, now - self.began, width, rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is None or self._above is None:
            return
        self._above.close_line()
        sys.stderr = self._above.stream
        self._over = True
        self._wake.set()
        self._thread.join()


class Teller:
    """A function that turns an event into a line, "" for most events.

    Only the first loss or retry of a cause gets a line.

    The last lines of a run count the losses. Every few seconds a further retry gets a line, so that a long outage is
    seen.
    """

    def __init__(self) -> None:
        self.losses = Causes()
        self.retries = Causes()
        self._retried = self._moved = time.monotonic()
        self._state = ""

    def __call__(self, event: e.Event) -> str:
        match event:
            case e.Notice(text, _):
                return text
            case e.RequestRetried(_, path, reason, wait):
                now = time.monotonic()
                if self.retries.add(path, reason) or now - self._retried >= EVERY:
                    self._retried = now
                    return f"{path}: {reason}; next attempt in {wait:.1f} s"
            case e.SubmissionMoved(_, model, lines, state, done) if state != "submitted":
                now = time.monotonic()
                if state != self._state or now - self._moved >= EVERY:
                    self._state, self._moved = state, now
                    return f"{model}: batch API: {state} {done:,}/{lines:,}"
            case e.ElementLost(path, reason) if not isinstance(event.error, BudgetError):
                # The samples that a budget leaves out have one line at the end of the run.
                if self.losses.add(path, reason):
                    return f"{path}: left out: {reason}"
        return ""
