"""The sending of traces and metrics from a command, as the standard ``OTEL_*`` variables ask for it.

A receiver that is slow or dead never stops the run: the SDK sends in threads of its own, and the command waits only a
bounded time for the rest.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..vocabulary.errors import UsageError, told
from ..vocabulary.quoting import sentence
from .contexts import context_of
from .environment import exporters_of
from .exporters import NEEDED, meters, tracers
from .listener import Telemetry

Tell = Callable[[str], None]
_LONGEST = 5.0
"""The seconds that a command waits at its end for the receiver."""
_AFTER_FAILURE = 1.0
"""The seconds that it waits for a receiver that did not take what was sent before."""
_MAKERS = (("traces", tracers), ("metrics", meters))


class _Complaints(logging.Handler):
    """The first complaint of the SDK. Its complaints would mix with the output of the command."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.first = self.first or record.getMessage()

    def taken(self) -> str:
        """Return the first complaint and forget it."""
        first, self.first = self.first, ""
        return sentence(first, 200)


@contextmanager
def exported(environ: Mapping[str, str], tell: Tell) -> Iterator[tuple[Telemetry, ...]]:
    """Give a listener that sends traces and metrics, and send the rest at the end. It is none if they cannot be sent.

    ``tell`` gets a sentence about what could not be sent.
    """
    complaints, logger = _Complaints(), logging.getLogger("opentelemetry")
    logger.addHandler(complaints)
    propagate, logger.propagate = logger.propagate, False
    try:
        providers = _providers(environ, tell)
        if not any(providers):
            yield ()
            return
        telemetry = Telemetry(*providers, parent=context_of(environ), environ=environ)
        if setting := complaints.taken():
            tell(f"OpenTelemetry does not take one of the variables: {setting}")
        try:
            yield (telemetry,)
        finally:
            done = _shut([one for one in providers if one is not None], complaints)
            if complaints.first or not done:
                why = complaints.taken() or f"the receiver took longer than {_LONGEST:g} s"
                tell(f"not all traces and metrics of this run reached their receiver: {why}")
            if providers[0] is not None and (out := telemetry.left_out):
                of = out + telemetry.made
                tell(f"the trace has {telemetry.made:,} of {of:,} spans: a run with more spans makes a share of them")
    finally:
        logger.propagate = propagate
        logger.removeHandler(complaints)


def _providers(environ: Mapping[str, str], tell: Tell) -> tuple[Any, Any]:
    """Make the providers of tracers and meters. Each is None if it is not wanted or cannot be made."""
    found: list[Any] = []
    missing: dict[str, list[str]] = {}
    for signal, make in _MAKERS:
        provider = None
        if exporters_of(environ, signal):
            try:
                provider = make(environ)
            except ImportError:
                missing.setdefault(f"OpenTelemetry's SDK is not installed; {NEEDED}", []).append(signal)
            except UsageError as mistake:
                missing.setdefault(str(mistake), []).append(signal)
            except Exception as mistake:  # noqa: BLE001 (the SDK reads variables of its own; the run needs no traces)
                missing.setdefault(told(mistake), []).append(signal)
        found.append(provider)
    for why, signals in missing.items():
        tell(f"no {' and no '.join(signals)} are sent: {why}")
    return found[0], found[1]


def _shut(providers: list[Any], complaints: _Complaints) -> bool:
    """Send what is left, within a bounded time. Return True if all of it was sent or refused in that time."""
    threads = [threading.Thread(target=one.shutdown, daemon=True, name="flowrun-telemetry") for one in providers]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive() and time.monotonic() - began < (_AFTER_FAILURE if complaints.first else _LONGEST):
            thread.join(0.02)
    return not any(thread.is_alive() for thread in threads)
