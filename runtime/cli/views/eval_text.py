"""An evaluation on a terminal: a table of its sides, their comparison, and what each side shows in particular."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ...eval.calibration import Calibration
from ...eval.columns import Column as Answers
from ...eval.measures import Measures
from ...eval.voting import advice
from ...eval.words import (
    HEADS,
    WRONG,
    comparison,
    confusion_rows,
    figures_row,
    row_words,
    summary_comparisons,
    summary_heads,
    summary_rows,
    wrong_rows,
)
from ...vocabulary.quoting import one_line
from .table import Column, table

_BAR = 20
_RANKS = (0, 0, 0, 2, 1, 3, 4, 5)


def lines(columns: Sequence[Answers], width: int | None) -> Iterator[str]:
    """Yield the lines of an evaluation, its tables at most ``width`` cells wide; None for any width."""
    several = len(columns) > 1
    if several:
        yield from _summary(columns, width)
    for column in columns:
        if several:
            yield from ("", f"══ {one_line(column.label)}", "")
        yield from _column(column, width)
    yield ""
    yield "runs: " + ", ".join(f"{one.side.name} {one.side.run}" for one in columns[0].sides)


def _summary(columns: Sequence[Answers], width: int | None) -> Iterator[str]:
    """Yield a table with the accuracy of each answer, and the share of rows in which all are right."""
    ranks = (0, *(1 for _ in columns), 0, *(rank and rank + 1 for rank in _RANKS[2:]))
    leasts = (12, *(6 for _ in columns))
    yield from _table(summary_heads(columns), summary_rows(columns), ranks, width, leasts)
    said = list(summary_comparisons(columns))
    if said:
        yield ""
        yield from said


def _column(column: Answers, width: int | None) -> Iterator[str]:
    found = column.sides
    yield from _table(HEADS, map(figures_row, found), _RANKS, width)
    if len(found) > 1:
        yield ""
    for one in found[1:]:
        yield comparison(one, found[0])
    for one in found:
        yield from _side(one, width, named=len(found) > 1)


def _table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    ranks: Sequence[int],
    width: int | None,
    leasts: Sequence[int] = (12,),
) -> Iterable[str]:
    columns = [
        Column(one_line(head), rank, least=leasts[at] if at < len(leasts) else 0, right=at > 0)
        for at, (head, rank) in enumerate(zip(heads, ranks, strict=True))
    ]
    return table(columns, [[one_line(cell) for cell in row] for row in rows], width)


def _side(one: Measures, width: int | None, *, named: bool) -> Iterator[str]:
    parts = [part for part in (_confusion(one, width), _calibration(one.calibration), _votes(one), _wrong(one)) if part]
    if named and parts:
        yield ""
        yield f"── {one.side.name}"
    for part in parts:
        yield ""
        yield from part


def _confusion(one: Measures, width: int | None) -> list[str]:
    if one.confusion is None:
        return []
    head, *rows = confusion_rows(one.confusion)
    columns = [Column(one_line(name), least=6, right=at > 0) for at, name in enumerate(head)]
    return table(columns, [[one_line(cell) for cell in row] for row in rows], width)


def _calibration(found: Calibration | None) -> list[str]:
    """Draw a bar for the accuracy of each group of votes, with a mark at their mean agreement."""
    if found is None:
        return []
    wide = max(len(group.words) for group in found.groups)
    out = [f"{'agreement':{max(wide, 9)}}  votes  accuracy"]
    for group in found.groups:
        share = group.share
        bar = list("█" * round(_BAR * share.value) + "░" * (_BAR - round(_BAR * share.value)))
        bar[min(_BAR - 1, int(_BAR * group.agreement))] = "│"
        ends = f"{share.low:.2f} to {share.high:.2f}"
        out.append(f"{group.words:{max(wide, 9)}}  {share.rows:5,}  {share.value:.3f}  {''.join(bar)}  95 %: {ends}")
    return [
        *out,
        f"calibration error {found.error:.3f} (│ is the agreement: a bar that ends there is as right as sure)",
    ]


def _votes(one: Measures) -> list[str]:
    said = advice(one.voting) if one.voting is not None else ""
    return [said] if said else []


def _wrong(one: Measures) -> list[str]:
    wrong = wrong_rows(one)
    more = [f"  … and {len(wrong) - WRONG:,} more"] if len(wrong) > WRONG else []
    listed = [f"  {row_words(row)}" for row in wrong[:WRONG]]
    return [f"{len(wrong):,} wrong:", *listed, *more] if wrong else []
