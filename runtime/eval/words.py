"""The figures of an evaluation in words, for the terminal and the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..vocabulary.amounts import figures, money_text, time_text
from ..vocabulary.quoting import sentence
from ..vocabulary.tally import in_words
from .columns import Column, together
from .confusion import NO_ANSWER, Confusion
from .equality import answer_class
from .measures import Measures
from .pairs import Pairs, signed, verdict
from .proportions import Share
from .side import Row

ALL = "all right"
"""The head of the share of rows in which every answer is right."""
HEADS = ("", "accuracy", "95 %", "right", "no answer", "calls a row", "cost a row", "time a row")
WRONG = 10
"""The most wrong rows that are listed for a side."""


def figures_row(one: Measures, other: Share | None = None) -> tuple[str, ...]:
    """Return the cells of a side under ``HEADS``. Another share may take the place of its accuracy."""
    share = one.accuracy if other is None else other
    return (
        one.side.name,
        f"{share.value:.3f}",
        f"{share.low:.3f} to {share.high:.3f}",
        f"{share.right:,} of {share.rows:,}",
        f"{one.unanswered:,}" if one.unanswered else "",
        figures(one.calls),
        money_text(one.cost),
        time_text(one.milliseconds),
    )


def comparison(one: Measures, first: Measures) -> str:
    """Compare a side with the first one, in a sentence. Raises ValueError for the first side itself."""
    return _compared(one.side.name, first.side.name, one.against)


def _compared(name: str, first: str, pairs: Pairs | None) -> str:
    if pairs is None:
        raise ValueError("the first side is compared with no other")
    low, high = pairs.interval
    return (
        f"{name} against {first}: {signed(pairs.difference)} (95 %: {signed(low)} to {signed(high)}); "
        f"right alone: {name} {pairs.second:,}, {first} {pairs.first:,}; {verdict(pairs)}"
    )


def summary_heads(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the heads of the summary of several answers, one column for the accuracy of each."""
    return ("", *(column.label for column in columns), ALL, *HEADS[2:])


def summary_rows(columns: Sequence[Column]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each side under ``summary_heads``. The shares behind ``ALL`` are those of all answers."""
    for at, both in enumerate(together(columns)):
        share, one = both.accuracy, columns[0].sides[at]
        yield (
            both.name,
            *(f"{column.sides[at].accuracy.value:.3f}" for column in columns),
            f"{share.value:.3f}",
            *figures_row(one, share)[2:],
        )


def summary_comparisons(columns: Sequence[Column]) -> Iterator[str]:
    """Yield the comparison of each later side with the first one, by the rows in which all answers are right."""
    found = together(columns)
    for one in found[1:]:
        yield f"{ALL}: {_compared(one.name, found[0].name, one.against)}"


def confusion_rows(table: Confusion) -> Iterator[tuple[str, ...]]:
    """Yield the head and the rows of a confusion table, with the recall of each class, and the precision below."""
    yield ("expected", *table.given, "recall")
    for at, (word, counts) in enumerate(zip(table.classes, table.counts, strict=True)):
        yield (word, *(f"{count:,}" if count else "·" for count in counts), _share(table.recall(at)))
    yield ("precision", *(_share(table.precision(at)) for at in range(len(table.classes))), *_rest(table))


def _rest(table: Confusion) -> tuple[str, ...]:
    return ("",) * (len(table.given) - len(table.classes) + 1)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def differing_rows(found: Sequence[Measures]) -> Iterator[tuple[str, ...]]:
    """Yield the rows that not all sides answered alike: number, name, expected answer, and the answer of each side."""
    for rows in zip(*(one.side.rows for one in found), strict=True):
        if len({answer_class(row.got) if row.answered else None for row in rows}) > 1:
            answers = (short(row.got) if row.answered else NO_ANSWER for row in rows)
            yield (f"{rows[0].index + 1:,}", rows[0].name, short(rows[0].want), *answers)


def wrong_rows(one: Measures) -> list[Row]:
    return [row for row in one.side.rows if not row.right]


def row_words(row: Row) -> str:
    """Describe a wrong row. Rows count from 1, as the lines of their file do."""
    name = f"row {row.index + 1}" + (f" ({sentence(row.name, 30)})" if row.name else "")
    wanted = short(row.want)
    if not row.answered:
        return f"{name}: expected {wanted}, no answer: {sentence(row.reason, 120)}"
    agreed = f", agreement {row.tally.agreement:.2f}" if row.tally is not None else ""
    return f"{name}: expected {wanted}, got {short(row.got)}{agreed}"


def short(value: object) -> str:
    return sentence(in_words(value), 60)
