"""The result of tuning on a terminal: a table of the settings, the pick, and the lines to write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...eval.pairs import about
from ...eval.promise import Judged
from ...eval.tuned import Tuned
from ...vocabulary.amounts import count_text
from ...vocabulary.quoting import one_line
from .table import Column, table

_ENDS = {"dearest": "the dearest", "promised": "promised", "open": "not shown", "untested": "not tested"}


def lines(found: Tuned, written: Sequence[tuple[int, str]], width: int | None) -> Iterator[str]:
    """Yield the lines of a result. ``written`` are the lines of the file with the pick in it, by number."""
    columns = [
        *(Column(one_line(title), least=6) for title in found.titles),
        Column("calls a row", right=True),
        *([Column("cost a row", right=True)] if found.priced else []),
        Column("right" if found.labelled else "same", right=True),
        Column("no answer", 2, right=True),
        Column("lost", 1, right=True),
        Column("lost at most", right=True),
        Column(""),
    ]
    if not any(one.unanswered for one in found.tries):
        del columns[-4]
    yield from table(columns, [_row(found, one, len(columns)) for one in found.judged], width)
    yield ""
    yield from _verdict(found)
    if found.found:
        yield ""
        for number, line in written:
            yield f"  {number:>4} | {one_line(line)}"
    if found.left:
        yield ""
        yield f"{count_text(found.left, 'setting')} did not run: the budget was spent before"


def _row(found: Tuned, one: Judged, cells: int) -> list[str]:
    tried = found.tries[one.place]
    first = one.end == "dearest"
    row = [
        *map(one_line, tried.values),
        f"{tried.calls:,.2f}",
        *([found.price(tried)] if found.priced else []),
        f"{sum(tried.right):,} of {found.rows:,}",
        f"{tried.unanswered:,}" if tried.unanswered else "",
        "" if first else f"{one.lost:,}",
        "" if first else percent(one.bound),
        _ENDS[one.end],
    ]
    if len(row) > cells:
        del row[-4]
    return row


def _verdict(found: Tuned) -> Iterator[str]:
    dearest, labels = found.dearest, "labels" if found.labelled else "rows"
    if len(found.tries) == 1:
        yield "only the dearest setting ran, so that there is nothing to compare"
        return
    if found.found:
        chosen = found.chosen
        saved = 1 - found.cost_of(chosen) / found.cost_of(dearest) if found.cost_of(dearest) else 0.0
        less = f", {100 * saved:.0f} % less" if saved >= 0.005 else ""
        yield (
            f"{found.words(chosen)}: {found.price(chosen)} a row{less}. It loses at most {percent(found.lose)} of the "
            f"answers of {found.words(dearest)} ({percent(found.sure)} sure, {found.rows:,} {labels})"
        )
    open_ = found.open
    if open_ is None:
        return
    name = found.words(found.tries[open_.place])
    if found.needed is None:
        many = f"{name} lost {open_.lost:,} of {found.rows:,}, which is too many to promise {percent(found.lose)}"
    else:
        count = f"about {about(found.needed):,}" if open_.lost else f"{found.needed:,}"
        many = f"{count} are needed to promise {name}, if it loses as often as here"
    yield many if found.found else f"nothing can be promised with {found.rows:,} {labels}: {many}"


def percent(share: float) -> str:
    """Write a share as a percentage with at most two digits behind the point."""
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"
