"""The progress of a running flow, for people: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from ..account.causes import Causes
from ..account.summary import Summary
from ..vocabulary import events as e
from ..vocabulary.partial_listener import PartialListener
from ..vocabulary.quoting import inert

if TYPE_CHECKING:
    from rich.live import Live

EVERY = 5.0
"""The seconds between plain lines about the progress of a run."""


class Watcher(Protocol):
    def __call__(self, event: e.Event) -> None: ...

    def __enter__(self) -> Watcher: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def watcher(quiet: bool) -> Watcher:
    if quiet:
        return Silent()
    return LiveLine() if sys.stderr.isatty() else ProgressLines()


class Silent(PartialListener):
    """A watcher that prints only urgent notices, which are those that may concern money."""

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
        now = time.monotonic()
        if now - self.told >= EVERY and isinstance(event, e.RequestStarted):
            self.told = now
            print(inert(state_line(self.summary, now - self.began)), file=sys.stderr, flush=True)


class LiveLine(Silent):
    """A watcher that redraws one line a few times a second, and prints notices above it."""

    def __init__(self) -> None:
        self.summary = Summary()
        self.teller = Teller()
        self.began = time.monotonic()
        self.live: Live | None = None

    def hears(self, kind: type) -> bool:
        return self.summary.hears(kind)

    def __enter__(self) -> LiveLine:
        from rich.console import Console
        from rich.live import Live

        self.live = Live(
            console=Console(stderr=True, highlight=False, markup=False, emoji=False),
            get_renderable=self._line,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
        )
        self.live.start()
        return self

    def _line(self) -> str:
        return state_line(self.summary, time.monotonic() - self.began)

    def __call__(self, event: e.Event) -> None:
        self.summary(event)
        if self.live is not None and (line := self.teller(event)):
            self.live.console.print(inert(line), markup=False, soft_wrap=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.stop()


class Teller:
    """A function that turns an event into a line, "" for most events.

    Only the first loss or retry of a cause gets a line.

    The last lines of a run count the losses. Every few seconds a further retry gets a line, so that a long outage is
    seen.
    """

    def __init__(self) -> None:
        self.losses = Causes()
        self.retries = Causes()
        self._retried = time.monotonic()

    def __call__(self, event: e.Event) -> str:
        match event:
            case e.Notice(text, _):
                return text
            case e.RequestRetried(_, path, reason, wait):
                now = time.monotonic()
                if self.retries.add(path, reason) or now - self._retried >= EVERY:
                    self._retried = now
                    return f"{path}: {reason}; next attempt in {wait:.1f} s"
            case e.ElementLost(path, reason):
                if self.losses.add(path, reason):
                    return f"{path}: left out: {reason}"
        return ""


def state_line(summary: Summary, seconds: float) -> str:
    parts = [f"{summary.finished}/{summary.steps} steps", f"{summary.flying} in flight", f"{summary.calls} calls done"]
    tokens = summary.input_tokens + summary.output_tokens
    if tokens:
        parts.append(f"{tokens:,} tokens")
    if summary.growing:
        parts.append(f"{sum(summary.growing.values()):,} characters received")
    if money := money_text(summary):
        parts.append(money)
    return " · ".join([*parts, f"{seconds:.0f} s"])


def money_text(summary: Summary) -> str:
    """Write the cost of a run so far. "" if it is zero or unknown."""
    return f"${summary.cost:.4f}" if summary.cost else ""
