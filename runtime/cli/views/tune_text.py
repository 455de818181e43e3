"""The result of tuning on a terminal: a table of the settings, the pick, and the lines to write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...eval.tuned import Tuned
from ...eval.tuned_words import NO_ANSWER, heads, table_row, unfinished, verdict
from ...vocabulary.quoting import one_line
from .table import Column, table

_RANKS = {NO_ANSWER: 2, "lost": 1}
"""The columns that a narrow terminal does not show, the one with the highest number first."""


def lines(found: Tuned, written: Sequence[tuple[int, str]], width: int | None) -> Iterator[str]:
    """Yield the lines of a result. ``written`` are the lines of the file with the pick in it, by number."""
    titles = len(found.titles)
    columns = [
        Column(head, least=6) if at < titles else Column(head, _RANKS.get(head, 0), right=bool(head))
        for at, head in enumerate(heads(found))
    ]
    yield from table(columns, [table_row(found, one) for one in found.judged], width)
    yield ""
    yield from verdict(found)
    if found.found:
        yield ""
        for number, line in written:
            yield f"  {number:>4} | {one_line(line)}"
    if found.left:
        yield ""
        yield unfinished(found)
