"""The result of tuning in words: the heads and the rows of its table, the pick, and the settings that did not run."""

from __future__ import annotations

from collections.abc import Iterator

from ..vocabulary.amounts import count_text
from ..vocabulary.quoting import one_line
from .pairs import about
from .promise import Judged
from .tuned import Tuned

NO_ANSWER = "no answer"
ENDS = {"dearest": "the dearest", "promised": "promised", "open": "not shown", "untested": "not tested"}


def heads(found: Tuned) -> list[str]:
    """Return the heads of the table. The first ones are the titles of the holes."""
    return [
        *map(one_line, found.titles),
        "calls a row",
        *(["cost a row"] if found.priced else []),
        "right" if found.labelled else "same",
        *([NO_ANSWER] if any(one.unanswered for one in found.tries) else []),
        "lost",
        "lost at most",
        "",
    ]


def table_row(found: Tuned, one: Judged) -> list[str]:
    """Return the cells of a setting, one for each head."""
    tried = found.tries[one.place]
    first = one.end == "dearest"
    unanswered = [f"{tried.unanswered:,}" if tried.unanswered else ""]
    return [
        *map(one_line, tried.values),
        f"{tried.calls:,.2f}",
        *([found.price(tried)] if found.priced else []),
        f"{sum(tried.right):,} of {found.rows:,}",
        *(unanswered if any(one.unanswered for one in found.tries) else []),
        "" if first else f"{one.lost:,}",
        "" if first else percent(one.bound),
        ENDS[one.end],
    ]


def verdict(found: Tuned) -> Iterator[str]:
    """Yield the sentences about the pick, and about the first setting that is not shown to keep the promise."""
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


def unfinished(found: Tuned) -> str:
    """Say how many settings did not run, "" if all did."""
    if not found.left:
        return ""
    return f"{count_text(found.left, 'setting')} did not run: the budget was spent before"


def percent(share: float) -> str:
    """Write a share as a percentage with at most two digits behind the point."""
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"
