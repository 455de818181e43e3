"""The failure of a test as text, with its line of the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from flowrun.dsl import Source, render_excerpt
from flowrun.runtime.vocabulary.quoting import one_line, sentence

from .outcome import Failed, TestOutcome

MOST_CALLS = 12
"""The most calls that a failure lists."""


def failure_text(outcome: TestOutcome, failed: Failed, source: Source, *, colour: bool = False) -> str:
    """Write a failure with the line of the file, both values with what differs, and the calls."""
    place = failed.place
    begin = source.offset(place.line, place.column)
    span = source.span(begin, source.offset(place.end_line, place.end_column))
    head = f"{'failed' if outcome.status == 'failed' else 'error'}: {one_line(outcome.title)}"
    return render_excerpt(head, span, failed.message, notes_of(failed), colour=colour)


def notes_of(failed: Failed) -> Iterator[tuple[str, str]]:
    """Yield the facts of a failure, each with its word."""
    if failed.right:
        yield "left", failed.left
        yield "right", failed.right
    elif failed.left:
        yield "value", failed.left
    yield from (("differs", line) for line in failed.differs)
    yield from (("with", line) for line in failed.names)
    counts = Counter(failed.calls)
    for call, times in islice(counts.items(), MOST_CALLS):
        more = f", {times} times" if times > 1 else ""
        where = f" (line {call.line}{more})" if call.line else more
        yield "call", f"{call.path}: {sentence(call.answer, 100)}{where}"
    if len(counts) > MOST_CALLS:
        yield "call", f"… and {len(counts) - MOST_CALLS:,} more"
    if failed.help:
        yield "help", failed.help
