"""The content of the messages of workers, checked. A message of another form costs only the process that sent it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from ..engine.body_json import over_of
from ..journal.wire import WireError
from ..vocabulary.error_forms import error_of
from .paces import paces_of
from .waits import waits_of
from .worker_handle import WorkerHandle

_ENDS: dict[str, Literal["failed", "cancelled"]] = {"failed": "failed", "cancelled": "cancelled"}
_READERS: dict[str, Callable[[WorkerHandle, Any], Any]] = {
    "rows": lambda worker, found: int(found),
    "events": lambda worker, found: [worker.events.event(row) for row in found],
    "figures": lambda worker, found: [worker.events.figures(found)],
    "ends": lambda worker, found: [(str(place), _ENDS[end], str(reason)) for place, end, reason in found],
    "over": lambda worker, found: [over_of(one) for one in found],
    "gave": lambda worker, found: [int(one) for one in found],
    "room": lambda worker, found: int(found),
    "ended": lambda worker, found: (waits_of(found[0]), paces_of(found[1])),
    "refused": lambda worker, found: error_of(found),
}


@contextmanager
def well_formed() -> Iterator[None]:
    """Raise WireError where the content of a message has another form than a worker of flowrun's gives it."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise WireError(f"a message has an unexpected content ({type(error).__name__})") from None


def read(worker: WorkerHandle, name: str, found: Any) -> Any:
    """Return the content of a message with this name. Raises WireError."""
    reader = _READERS.get(name)
    if reader is None:
        return found
    with well_formed():
        return reader(worker, found)
