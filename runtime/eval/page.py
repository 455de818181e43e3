"""The page of an evaluation: one HTML file that loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from ..pages.assembly import assemble
from ..pages.markup import safe, table
from .columns import Column
from .measures import Measures
from .picture import calibration_svg
from .voting import advice
from .words import (
    HEADS,
    comparison,
    confusion_rows,
    differing_rows,
    figures_row,
    short,
    summary_comparisons,
    summary_heads,
    summary_rows,
    wrong_rows,
)

_LISTED = 500
"""The most rows of a list on the page."""


def eval_page(columns: Sequence[Column]) -> str:
    """Make the page of an evaluation, with all its sides in one table. All foreign text in it is inert."""
    first = columns[0].sides[0]
    title = safe(f"{first.side.name} · evaluation")
    several = len(columns) > 1
    body = [
        f"<h1>{safe(first.side.name)}</h1>",
        f'<p class="quiet">Evaluation of {first.accuracy.rows:,} rows.</p>',
        _summary(columns) if several else "",
        *(part for column in columns for part in _column(column, several)),
    ]
    return assemble({"title": title, "body": "".join(body)}, frame="plain.html", scripts=())


def _summary(columns: Sequence[Column]) -> str:
    """Write the table of several answers: each has a column, and behind them are the rows that are right in all."""
    heads = ("side", *summary_heads(columns)[1:])
    said = "".join(f"<p>{safe(line)}</p>" for line in summary_comparisons(columns))
    return f'<div class="wide">{table(heads, summary_rows(columns))}</div>{said}'


def _column(column: Column, several: bool) -> Iterator[str]:
    first, rest = column.sides[0], column.sides[1:]
    sides = ((*figures_row(one), one.side.run) for one in column.sides)
    behind = f" · {column.label}" if several else ""
    if several:
        yield f"<h2>{safe(column.label)}</h2>"
    yield f'<div class="wide">{table(("side", *HEADS[1:], "run"), sides)}</div>'
    for one in rest:
        yield f"<p>{safe(comparison(one, first))}</p>"
    yield _differing(column.sides, behind)
    for one in column.sides:
        yield f"<section>{''.join(_side(one, behind))}</section>"


def _differing(found: Sequence[Measures], behind: str) -> str:
    """Write the rows that the sides answered differently; "" if there are none."""
    rows = list(islice(differing_rows(found), _LISTED + 1))
    if not rows:
        return ""
    heads = ("row", "name", "expected", *(one.side.name for one in found))
    head = safe(f"Rows with different answers{behind}")
    more = f'<p class="quiet">Only the first {_LISTED:,} are listed.</p>' if len(rows) > _LISTED else ""
    return f'<section><h2>{head}</h2><div class="wide">{table(heads, rows[:_LISTED])}</div>{more}</section>'


def _side(one: Measures, behind: str) -> Iterator[str]:
    yield f"<h2>{safe(one.side.name + behind)}</h2>"
    said = advice(one.voting) if one.voting is not None else ""
    if said:
        yield f"<p>{safe(said)}</p>"
    if one.confusion is not None:
        head, *rows = confusion_rows(one.confusion)
        yield f'<h3>Answers by the expected one</h3><div class="wide">{table(head, rows)}</div>'
    if one.calibration is not None:
        groups = [
            (group.words, f"{group.share.rows:,}", f"{group.share.value:.3f}", f"{group.agreement:.3f}")
            for group in one.calibration.groups
        ]
        yield "<h3>Agreement against accuracy</h3>"
        yield calibration_svg(one.calibration, f"Agreement against accuracy of {safe(one.side.name)}")
        yield f'<div class="wide">{table(("agreement", "votes", "accuracy", "mean agreement"), groups)}</div>'
        yield f'<p class="quiet">Calibration error {one.calibration.error:.3f}.</p>'
    wrong = wrong_rows(one)
    if wrong:
        yield f"<h3>{len(wrong):,} wrong</h3>"
        cells = (
            (
                f"{row.index + 1:,}",
                row.name,
                short(row.want),
                short(row.got) if row.answered else f"no answer: {row.reason}",
                "" if row.tally is None else f"{row.tally.agreement:.2f}",
            )
            for row in wrong[:_LISTED]
        )
        yield f'<div class="wide">{table(("row", "name", "expected", "answer", "agreement"), cells)}</div>'
        if len(wrong) > _LISTED:
            yield f'<p class="quiet">… and {len(wrong) - _LISTED:,} more.</p>'
