"""The limits of a page. A browser must be able to open it, however large the run is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flowrun.dsl import dataclass

from ..vocabulary.run_record import RunRecord

MOST_CALLS = 200_000
"""The most calls of a page."""
MOST_TEXT = 150_000_000
"""The most characters of prompts, answers and reasons."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The part of a record for which a page has room.

    Texts over ``longest`` characters are cut; None if all texts are whole. ``told`` are sentences about the rest.
    """

    record: RunRecord
    longest: int | None
    told: tuple[str, ...]


def fitting(record: RunRecord, *, texts: bool = True, most_calls: int = MOST_CALLS, most_text: int = MOST_TEXT) -> Fit:
    """Choose the calls of a page, and the length of its texts."""
    notes: list[str] = []
    calls = record.calls
    if len(calls) > most_calls:
        failed = [at for at, call in enumerate(calls) if call.state == "failed"][:most_calls]
        chosen = set(failed)
        rest = (at for at in range(len(calls)) if at not in chosen)
        chosen.update(at for at, _ in zip(rest, range(most_calls - len(chosen)), strict=False))
        calls = tuple(calls[at] for at in sorted(chosen))
        notes.append(
            f"The run has {len(record.calls):,} calls, too many for a page. All but the head counts only "
            f"{most_calls:,} of them: those that failed, and the first others. A table (.csv) has all calls."
        )
        record = replace(record, calls=calls)
    longest = _longest(record, most_text) if texts else None
    if longest is not None:
        notes.append(
            f"The texts of the run are too large for a page. Texts over {longest:,} characters are cut; "
            "`flowrun show RUN PATH` prints a call with its whole texts."
        )
    return Fit(record, longest, tuple(notes))


def _longest(record: RunRecord, most: int) -> int | None:
    """Return the greatest length with which the texts, cut there, have room. None if no text need be cut."""
    # A text that stands in many calls is in the page once.
    lengths = sorted(len(text) for text in set(texts_of(record)))
    if sum(lengths) <= most:
        return None
    left = most
    for at, length in enumerate(lengths):
        share = left // (len(lengths) - at)
        if length > share:
            return max(share, 1)
        left -= length
    return None


def texts_of(record: RunRecord) -> Iterator[str]:
    """Yield the texts of a record that may be large, as often as they stand in it."""
    yield record.text
    for call in record.calls:
        yield call.reason
        if call.request is not None:
            yield from (one.text for one in call.request.messages)
        for answer in call.answers:
            yield answer.text
            yield answer.error
        yield from (one.reason for one in call.attempts)
