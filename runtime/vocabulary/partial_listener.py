"""The bases of listeners that need only some events, or give a run a trace. A run has many events for each call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal


class PartialListener(ABC):
    """A listener that is spared the events it does not hear."""

    __slots__ = ()

    @abstractmethod
    def hears(self, kind: type) -> bool:
        """Tell whether the listener needs the events of a class. The answer is always the same."""


class TracingListener(PartialListener):
    """A listener that makes a trace of a run."""

    __slots__ = ()

    @abstractmethod
    def open_trace(self, flow: str) -> str:
        """Begin the trace of a run of this flow, before its first event. Return the trace context; "" for none.

        It is a ``traceparent`` of W3C Trace Context. The journal keeps it, so that a resumed run can name it.
        """

    @abstractmethod
    def name_trace(self, run: str, places: Mapping[str, str], traces: Sequence[str]) -> None:
        """Take what is known when the journal has the run: its id, "" without a journal.

        ``places`` has the base URLs of models by their address, without secrets; "" if a model has none. ``traces`` are
        the trace contexts of earlier parts of a resumed run.
        """


class CallShowing(PartialListener):
    """A listener that shows calls with their texts, as long as it has room for further ones.

    Workers tell it what they know of their calls: names of elements, votes, values and ends.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def has_room(self) -> bool:
        """True until it shows as many calls and texts as it can."""

    @abstractmethod
    def ended(self, place: str, end: Literal["failed", "cancelled"], reason: str) -> None:
        """Hear how a call of a worker has ended without a value."""
