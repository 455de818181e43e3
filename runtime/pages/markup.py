"""The parts of a page that are plain HTML: its head, and the account for readers without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from ..account.causes import Causes
from ..account.vote_totals import vote_totals
from ..plans.step_paths import PathNames
from ..vocabulary.call_record import CallRecord
from ..vocabulary.classes import account_text
from ..vocabulary.quoting import inert, json_text, one_line
from ..vocabulary.run_record import RunRecord
from ..vocabulary.tally import stands
from .head import Figures, clock, cost_of, duration, figures_of, money, spent

_CELL = 300
_NUMBERS = frozenset(
    {"calls", "tokens in", "tokens out", "cost", "samples", "agreement", "margin", "stands against", "count"}
)
_VALUE = 20_000
"""The most characters of the value in the plain account."""


def safe(text: str) -> str:
    """Write foreign text as HTML, on one line and at most 300 characters of it.

    Characters that steer a terminal or turn the text become visible.
    """
    return escape(one_line(text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"))


def head_html(record: RunRecord) -> str:
    """Write the head of a page: the flow, the run, its state in words, and its figures."""
    figures = figures_of(record)
    rows = "".join(
        f'<div><dt>{name}</dt><dd id="figure-{name}">{safe(text)}</dd></div>' for name, text in in_words(figures)
    )
    return (
        f'<h1>{safe(record.plan.flow)} <span class="quiet">{safe(record.id)}</span></h1>'
        f'<p id="state" role="status" data-status="{safe(record.status)}">{safe(figures.state)} '
        f'<span class="quiet">Began {clock(record.began)}.</span></p><dl id="figures">{rows}</dl>'
    )


def in_words(figures: Figures) -> list[tuple[str, str]]:
    """Write the figures of a head. The page's script writes the same ones in sums.js while a run is live."""
    limit = "" if figures.money_limit is None else f" of {money(figures.money_limit)}"
    unbilled = f", at most {money((figures.cost or 0) + figures.unbilled)}" if figures.unbilled else ""
    calls = "" if figures.calls_limit is None else f" of {figures.calls_limit:,}"
    saved = ((figures.early, "sample|s not needed"), (figures.reused, "answer|s reused"))
    told = [count(number, what) for number, what in (*saved, (figures.cached, "token|s cached")) if number]
    return [
        ("calls", f"{figures.calls:,}"),
        ("requests", f"{figures.requests:,}{calls}"),
        ("time", duration(figures.ms)),
        ("cost", f"{spent(figures)}{limit}{unbilled}"),
        ("saved", ", ".join(told) or "nothing"),
        ("losses", f"{figures.losses:,}"),
    ]


def count(number: int, what: str) -> str:
    """Write a number and its noun: ``sample|s not needed`` is in the plural unless the number is 1."""
    return f"{number:,} {what.replace('|s', '' if number == 1 else 's')}"


def account_html(record: RunRecord, *, texts: bool) -> str:
    """Write the account of a run as plain HTML, for a reader without JavaScript."""
    parts = [
        "<p>This page needs JavaScript to show the graph of the flow, the timeline, the table of all calls with search "
        "and filters, each call with its prompt and answer, and the votes. The account of the run follows.</p>"
    ]
    names = PathNames(record.plan)
    if texts:
        parts += [f'<p class="quiet">{safe(note)}</p>' for note in record.notes]
    if texts and record.end.value is not None:
        value = record.end.value if isinstance(record.end.value, str) else json_text(record.end.value)
        parts.append(f"<h2>Value</h2><pre>{escape(inert(value[:_VALUE]))}{'…' if len(value) > _VALUE else ''}</pre>")
    for what, rows in (
        ("model", _sums(record, lambda call: call.model)),
        ("step", _sums(record, names.of_step)),
    ):
        parts.append(f"<h2>Cost by {what}</h2>{table((what, 'calls', 'tokens in', 'tokens out', 'cost'), rows)}")
    if record.end.votes:
        rows = [
            (
                names.of(path),
                f"{tally.asked:,} of {tally.planned:,}",
                f"{tally.agreement:.2f}",
                f"{tally.margin:,.4g}",
                stands(tally),
            )
            for path, tally in list(record.end.votes.items())[:200]
        ]
        parts.append(f"<h2>Votes</h2>{table(('vote', 'samples', 'agreement', 'margin', 'stands against'), rows)}")
        told = [(names.of(path), account_text(tally)) for path, tally in list(record.end.votes.items())[:200]]
        parts += [f"<p>{safe(path)}: {safe(text)}</p>" for path, text in told if text]
        parts += [f"<p>{safe(text)}</p>" for text in (vote_totals(record.end.votes.values()).text,) if text]
    if record.end.cascades:
        from ..account.cascades import cascade_lines

        lines = cascade_lines(record.end.cascades)
        parts.append("<h2>Cascades</h2>" + "".join(f"<p>{safe(line)}</p>" for line in lines))
    if record.end.losses:
        parts.append(f"<h2>Losses</h2>{table(('count', 'cause', 'first'), _losses(record, names, texts=texts))}")
    return "".join(parts)


def _sums(record: RunRecord, group: Callable[[CallRecord], str]) -> list[tuple[str, ...]]:
    found: dict[str, list[float]] = {}
    unknown, figures = set(), figures_of(record)
    for call in record.calls:
        name = group(call)
        row = found.setdefault(name, [0, 0, 0, 0])
        row[0] += 1
        if not call.from_journal:
            row[1] += sum(one.tokens.read or 0 for one in call.answers)
            row[2] += sum(one.tokens.written or 0 for one in call.answers)
        cost = cost_of(call, figures)
        if cost is None:
            unknown.add(name)
        row[3] += cost or 0
    return [
        (name, *(f"{one:,.0f}" for one in row[:3]), money(None if name in unknown else row[3]))
        for name, row in sorted(found.items(), key=lambda one: -one[1][3])
    ]


def _losses(record: RunRecord, names: PathNames, *, texts: bool) -> Iterable[tuple[str, ...]]:
    causes = Causes()
    for loss in record.end.losses:
        causes.add(loss.path, loss.reason)
    for cause in sorted(causes, key=lambda one: -one.count):
        paths = ", ".join(names.of(path) for path, _ in cause.first)
        yield f"{cause.count:,}", cause.first[0][1] if texts else "(left out)", paths


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table of foreign texts. Columns of numbers stand at the right."""
    kinds = [' class="number"' if one in _NUMBERS else "" for one in heads]
    head = "".join(f'<th scope="col"{kind}>{safe(one)}</th>' for kind, one in zip(kinds, heads, strict=True))
    lines = (zip(kinds, row, strict=True) for row in rows)
    body = "".join(f"<tr>{''.join(f'<td{kind}>{safe(cell)}</td>' for kind, cell in line)}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
