"""The lines that a run tells its user about its workers."""

from __future__ import annotations

from ..dispatch.attempt_events import Publish
from ..vocabulary import events as e
from ..vocabulary.amounts import count_text


def once(publish: Publish) -> Publish:
    """Return a publisher that tells each line for the user once: all workers say the same about the same file."""
    told: set[str] = set()

    def tell(event: e.Event) -> None:
        if isinstance(event, e.Notice):
            if event.text in told:
                return
            told.add(event.text)
        publish(event)

    return tell


def lost_line(worker: int, end: str, doubts: int, bodies: int) -> str:
    """Tell in one line that a worker has died."""
    paid = ""
    if doubts == 1:
        paid = "; 1 call was open there and may have been paid, so it counts at its worst"
    elif doubts:
        paid = f"; {doubts:,} calls were open there and may have been paid, so they count at their worst"
    left = "; it had nothing to do"
    if bodies:
        left = f"; other workers take over its {count_text(bodies, 'element')}"
    return f"worker process {worker} ended unexpectedly ({end}){paid}{left}"
