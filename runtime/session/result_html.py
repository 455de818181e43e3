"""A result as HTML for a cell of a notebook. All foreign text is escaped, and there is no script."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from ..account.summary import Summary
from ..engine.decisions import Outcome
from ..vocabulary.amounts import money_text, time_text
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import inert, json_text, sentence
from ..vocabulary.tally import Tally, in_words, stands, votes

_LONGEST = 4000
"""The most characters of a value that are shown."""
_MOST = 20
"""The most rows of a table."""
_CELL = "text-align:left;vertical-align:top;padding:2px 8px"
_PRE = "margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere;max-height:24em;overflow:auto"


def result_html(value: Json, outcome: Outcome, summary: Summary, run: str, report: Path | None) -> str:
    """Write the value, the account, the votes and the losses of a run, and a link to its report if it has one."""
    parts = [
        f"<pre style='{_PRE}'>{_value(value, outcome)}</pre>",
        _table(("", ""), _account(outcome, summary, run)),
        _table(("vote", "answer", "votes", "agreement", "stands against"), _votes(outcome.tallies.items())),
        _table(("failed", "reason"), ((one.path, sentence(one.reason, 300)) for one in outcome.failures)),
        _table(("left out", "reason"), ((one.path, sentence(one.reason, 300)) for one in outcome.losses)),
        _link(report),
    ]
    return f"<div class='flowrun-result'>{''.join(parts)}</div>"


def text_html(text: str) -> str:
    """Make a foreign text fit for HTML. Characters that control or turn text become visible."""
    return escape(inert(text), quote=True)


def _value(value: Json, outcome: Outcome) -> str:
    if not outcome.complete:
        return f"<i>no value: the run is {text_html(outcome.status)}</i>"
    text = value if isinstance(value, str) else json_text(value)
    rest = len(text) - _LONGEST
    more = f"\n… and {rest:,} more characters" if rest > 0 else ""
    return text_html(text[:_LONGEST]) + more


def _account(outcome: Outcome, summary: Summary, run: str) -> Iterator[tuple[str, str]]:
    whole = summary.whole
    yield "status", outcome.status
    if run:
        yield "run", run
    more = f", {summary.recalled:,} from the journal" if summary.recalled else ""
    yield "calls", f"{whole.answered:,}{more}"
    if whole.input_tokens or whole.output_tokens:
        yield "tokens", f"{whole.input_tokens:,} in, {whole.output_tokens:,} out"
    cost = summary.prices.of(whole)
    if cost is not None:
        yield "cost", money_text(cost)
    yield "time", time_text(1000 * summary.seconds)


def _votes(tallies: Iterable[tuple[str, Tally]]) -> Iterator[tuple[str, ...]]:
    for path, tally in tallies:
        answer = sentence(in_words(tally.first), 80) if tally.winner is not None else "none"
        yield path, answer, f"{votes(tally.votes)} of {tally.planned}", f"{tally.agreement:.2f}", stands(tally)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    listed = list(rows)
    if not listed:
        return ""
    head = "".join(f"<th style='{_CELL}'>{text_html(one)}</th>" for one in heads) if any(heads) else ""
    lines = [f"<tr>{head}</tr>"] if head else []
    for row in listed[:_MOST]:
        cells = "".join(f"<td style='{_CELL}'>{text_html(one)}</td>" for one in row)
        lines.append(f"<tr>{cells}</tr>")
    if len(listed) > _MOST:
        lines.append(f"<tr><td style='{_CELL}' colspan='{len(heads)}'>… and {len(listed) - _MOST:,} more</td></tr>")
    return f"<table>{''.join(lines)}</table>"


def _link(report: Path | None) -> str:
    if report is None:
        return ""
    # A page of a notebook may not open `file:` addresses, but it finds a file beside the notebook.
    place = quote(report.as_posix())
    target = place if report.is_absolute() else f"./{place}"
    return f"<a href='{escape(target, quote=True)}' target='_blank'>{text_html(os.fspath(report))}</a>"
