"""The listeners of a run: functions of the caller that take its events. If a listener fails, the run continues."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import get_args

from ..vocabulary.errors import mistake_in
from ..vocabulary.events import Event
from ..vocabulary.partial_listener import PartialListener, TracingListener
from ..vocabulary.quoting import shown

Listener = Callable[[Event], None]


def to_all(listeners: Sequence[Listener]) -> Listener:
    """Join listeners into one that passes each event on to all that hear it, in order."""
    heard: dict[type, tuple[Listener, ...]] = {}

    def publish(event: Event) -> None:
        kind = type(event)
        found = heard.get(kind)
        if found is None:
            found = heard[kind] = tuple(one for one in listeners if hears(one, kind))
        for listener in found:
            listener(event)

    return publish


def unheard(listeners: Iterable[Listener]) -> frozenset[type]:
    """Return the types of events that none of these listeners takes."""
    return frozenset(kind for kind in get_args(Event) if not any(hears(one, kind) for one in listeners))


def reads_prompts(listener: Listener) -> bool:
    """Tell whether a listener may read the prompts and answers of events. Only a display says that it does not."""
    return getattr(listener, "reads_prompts", True) is not False


def open_traces(listeners: Iterable[Listener], flow: str) -> str:
    """Begin the traces of a run. Return the first trace context, "" for none."""
    found = ""
    for one in listeners:
        if isinstance(one, TracingListener):
            trace = one.open_trace(flow)
            found = found or trace
    return found


def name_traces(listeners: Iterable[Listener], run: str, places: Mapping[str, str], traces: Sequence[str]) -> None:
    """Tell the traces of a run what is known of it before it starts."""
    for one in listeners:
        if isinstance(one, TracingListener):
            one.name_trace(run, places, traces)


def hears(listener: Listener, kind: type) -> bool:
    """Tell whether a listener takes the events of a class."""
    return not isinstance(listener, PartialListener) or listener.hears(kind)


class Listeners(TracingListener):
    """The listeners of one run, joined into one. Each gets every event, even if it has failed on earlier events."""

    def __init__(self, several: Sequence[Listener]) -> None:
        self.several = several
        self._failed: dict[int, tuple[Exception, int]] = {}

    def __bool__(self) -> bool:
        return bool(self.several)

    @property
    def reads_prompts(self) -> bool:
        return any(map(reads_prompts, self.several))

    def hears(self, kind: type) -> bool:
        return any(hears(one, kind) for one in self.several)

    def __call__(self, event: Event) -> None:
        for at, listener in enumerate(self.several):
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001  a listener is foreign code, and the run is paid for
                self._note(at, error)

    def open_trace(self, flow: str) -> str:
        found = ""
        for at, listener in self._tracing():
            try:
                trace = listener.open_trace(flow)
            except Exception as error:  # noqa: BLE001  a listener is foreign code
                self._note(at, error)
            else:
                found = found or trace
        return found

    def name_trace(self, run: str, places: Mapping[str, str], traces: Sequence[str]) -> None:
        for at, listener in self._tracing():
            try:
                listener.name_trace(run, places, traces)
            except Exception as error:  # noqa: BLE001  a listener is foreign code
                self._note(at, error)

    def _tracing(self) -> Iterator[tuple[int, TracingListener]]:
        for at, listener in enumerate(self.several):
            if isinstance(listener, TracingListener):
                yield at, listener

    def _note(self, at: int, error: Exception) -> None:
        first, times = self._failed.get(at, (error, 0))
        self._failed[at] = (first, times + 1)

    def warn(self) -> None:
        """Warn of each listener that raised an exception, with its name and its first error."""
        for at, (first, times) in self._failed.items():
            listener = self.several[at]
            name = getattr(listener, "__qualname__", type(listener).__qualname__)
            often = "once" if times == 1 else f"{times:,} times"
            warnings.warn(
                f"the listener {shown(name)} raised an error {often}, and the run went on; "
                f"the first is {mistake_in(first)}",
                RuntimeWarning,
                stacklevel=2,
            )
