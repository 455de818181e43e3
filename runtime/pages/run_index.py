"""The index of a folder of pages: a row for each run, with a link to its page."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from flowrun.dsl import dataclass

from ..vocabulary.run_record import RunRecord
from .assembly import assemble
from .head import clock, duration, figures_of, spent
from .markup import safe

INDEX = "index.html"
_LONGEST = 200
"""The most letters of a name without its ending. Most disks take 255 bytes."""
_HEADS = ("run", "flow", "began", "state", "calls", "time", "cost", "losses")


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A run in the index. ``page`` is the name of its page beside the index, "" if it could not be made.

    ``trouble`` is the reason for that.
    """

    id: str
    flow: str
    began: float
    status: str
    page: str = ""
    cells: tuple[str, ...] = ()
    trouble: str = ""


def index_row(record: RunRecord, page: str) -> IndexRow:
    """Return the row of a run whose page was made."""
    figures = figures_of(record)
    cells = (f"{figures.calls:,}", duration(figures.ms), spent(figures), f"{figures.losses:,}")
    return IndexRow(record.id, record.plan.flow, record.began, record.status, page, cells)


def page_names(ids: Iterable[str]) -> list[str]:
    """Return the names of the pages of runs. No two are alike, even on a disk that takes ``A`` and ``a`` for one name.

    An imported run may have any text as its id.
    """
    taken, names = {INDEX}, []
    for id_ in ids:
        stem = quote(id_, safe="", errors="replace")[:_LONGEST]
        name, number = f"{stem}.html", 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}.html"
        taken.add(name.lower())
        names.append(name)
    return names


def index_page(runs: Iterable[IndexRow]) -> str:
    """Make the index, the latest run first. It needs no script."""
    rows = sorted(runs, key=lambda one: -one.began)
    body = "".join(_row(one) for one in rows)
    numbers = ("calls", "time", "cost", "losses")
    head = "".join(f'<th scope="col"{_NUMBER if one in numbers else ""}>{one}</th>' for one in _HEADS)
    what = f"{len(rows):,} run{'' if len(rows) == 1 else 's'}" if rows else "The journal has no runs."
    table = (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>' if rows else ""
    )
    return assemble(
        {"title": "Runs · flowrun", "body": f'<h1>Runs</h1><p class="quiet">{what}</p>{table}'},
        frame="plain.html",
        scripts=(),
    )


_NUMBER = ' class="number"'


def _row(one: IndexRow) -> str:
    # The page may be moved with its index: the link has no folder.
    name = f'<a class="path" href="{quote(one.page)}">{safe(one.id)}</a>' if one.page else safe(one.id)
    rest = (
        "".join(f"<td{_NUMBER}>{safe(cell)}</td>" for cell in one.cells)
        if one.page
        else f'<td colspan="4">no page: {safe(one.trouble)}</td>'
    )
    return (
        f'<tr><th scope="row">{name}</th><td>{safe(one.flow)}</td><td>{clock(one.began)}</td>'
        f"<td>{safe(one.status)}</td>{rest}</tr>"
    )
