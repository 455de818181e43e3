"""The view of a run: a line about it, the tree of its steps, its losses and its value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ...account.causes import Causes, in_lines
from ...plans.run_calls import RunCalls
from ...vocabulary.amounts import count_text, money_text, time_text
from ...vocabulary.contests import parted
from ...vocabulary.quoting import json_text, one_line, sentence
from ...vocabulary.run_record import RunRecord
from ...vocabulary.tally import Tally
from ..vote_lines import vote_text
from .clock import clock_text
from .outside import count_lines
from .run_tree import TreeRow
from .screen import Screen
from .table import Column, cut, table

_COLUMNS = (
    Column("", least=16),
    Column("", rank=5, least=8),
    Column("state"),
    Column("calls", right=True),
    Column("of them", rank=3, least=8),
    Column("time", rank=1, right=True),
    Column("cost", rank=1, right=True),
    Column("vote", rank=4, least=12),
)
_AROUND = 8
"""The lines of a terminal that are kept for the head, the losses and the prompt."""
_TOLD = ("failed", "reused", "cancelled", "open")


def head_line(record: RunRecord, screen: Screen, now: float | None = None) -> str:
    """Write the line about a run: its name, file, state, beginning, time, calls and cost."""
    states: Counter[str] = Counter(one.counts_as for one in record.calls)
    parts = (
        f"run {record.id}",
        file_of(record),
        record.status,
        clock_text(record.began, now),
        "" if record.ended is None else time_text((record.ended - record.began) * 1000),
        count_text(len(record.calls) - states["unsent"], "call") + _extras(states),
        cost_of(record),
    )
    line = " · ".join(one_line(part) for part in parts if part)
    return screen.paint(line if screen.width is None else cut(line, screen.width), "bold")


def file_of(record: RunRecord) -> str:
    """Return the name of a run's file, or of its flow if it came from no file."""
    source = record.plan.source
    return record.plan.flow if not source or source.startswith("<") else source


def _extras(states: Counter[str]) -> str:
    told = ", ".join(f"{states[one]:,} {one}" for one in _TOLD if states[one])
    unsent = f" and {states['unsent']:,} unsent" if states["unsent"] else ""
    return (f" ({told})" if told else "") + unsent


def cost_of(record: RunRecord) -> str:
    """Write the cost of a run: by its account, or else by its calls. "" if no price is known."""
    cost, unbilled = record.cost, record.account.get("unbilled")
    if cost is None:
        return ""
    at_most = isinstance(unbilled, int | float) and unbilled > 0 and f", at most {money_text(cost + unbilled)}"
    return money_text(cost) + (at_most or "")


def run_lines(calls: RunCalls, rows: Sequence[TreeRow], screen: Screen) -> Iterator[str]:
    """Yield the lines of a whole run."""
    record = calls.record
    yield head_line(record, screen)
    if not record.calls:
        yield "the run made no call"
    yield from tree_lines(rows, screen)
    if any(tally.unsent for tally in record.end.votes.values()):
        from ...account.vote_totals import vote_totals  # few runs leave votes open

        yield from filter(None, [vote_totals(record.end.votes.values()).text])
    if record.end.cascades:
        from ...account.cascades import cascade_lines

        yield from (one_line(line) for line in cascade_lines(record.end.cascades))
    yield from losses_lines(calls, screen)
    yield from count_lines(record.end.outside)
    yield from note_lines(record)
    if record.end.complete:
        yield cut_line(f"value: {value_text(record.end.value)}", screen)


def note_lines(record: RunRecord) -> Iterator[str]:
    """Yield the remarks on the reading of a run."""
    for note in record.notes:
        yield f"note: {sentence(note, 500)}"


def cut_line(text: str, screen: Screen) -> str:
    """Write a text on one line. On a terminal it is cut to the width; elsewhere it is whole."""
    line = one_line(text)
    return line if screen.width is None else cut(line, screen.width)


def value_text(value: object) -> str:
    """Write a value on one line: a text as it is, and anything else as JSON."""
    return value if isinstance(value, str) else json_text(value, indent=None)


def tree_lines(rows: Sequence[TreeRow], screen: Screen) -> Iterator[str]:
    """Yield the lines of a tree. On a terminal, the deepest steps are left out if it has too few lines."""
    room = None if screen.height is None else max(4, screen.height - _AROUND)
    listed = list(_walk(rows))
    depth = max((deep for _, deep, _ in listed), default=0)
    while room is not None and depth and sum(deep <= depth for _, deep, _ in listed) > room:
        depth -= 1
    kept = [(row, lead) for row, deep, lead in listed if deep <= depth]
    more = len(listed) - len(kept)
    if room is not None and len(kept) > room:
        more += len(kept) - room
        kept = kept[:room]
    priced = any(row.cost is not None for row, _ in kept if row.calls)
    cells = [_cells(row, lead, priced=priced) for row, lead in kept]
    for number, line in enumerate(table(_COLUMNS, cells, screen.width)):
        if not number:
            yield screen.paint(line, "dim")
        else:
            yield screen.paint(line, "red") if kept[number - 1][0].state == "failed" else line
    if more:
        yield f"… and {count_text(more, 'more step')}; `flowrun show RUN PATH` shows a part"


def _walk(rows: Sequence[TreeRow], depth: int = 0, indent: str = "") -> Iterator[tuple[TreeRow, int, str]]:
    for number, row in enumerate(rows):
        last = number == len(rows) - 1
        branch = ("└─ " if last else "├─ ") if depth else ""
        yield row, depth, indent + branch
        yield from _walk(row.inside, depth + 1, indent + ("" if not depth else "   " if last else "│  "))


def _cells(row: TreeRow, lead: str, *, priced: bool) -> tuple[str, ...]:
    what = row.what if row.elements is None else f"{row.elements:,} × {row.what}"
    told = [f"{row.states[one]:,} {one}" for one in _TOLD if row.states[one]]
    told += [f"and {row.states['unsent']:,} unsent"] if row.states["unsent"] else []
    lost = [f"{row.lost:,} lost"] if row.lost and row.elements is not None else []
    return (
        one_line(lead + row.name),
        one_line(what),
        row.state,
        f"{row.calls:,}" if row.calls else "",
        ", ".join(told + lost) if row.states.total() != row.states[row.state] else ", ".join(lost),
        time_text(row.milliseconds) if row.milliseconds is not None else "",
        money_text(row.cost) if row.calls and priced else "",
        votes_text(list(row.votes.values())),
    )


def votes_text(tallies: Sequence[Tally]) -> str:
    """Write one vote in full, and many in numbers."""
    if len(tallies) < 2:
        return "".join(vote_text(one) for one in tallies)
    votes, told = parted(one for one in tallies if one.ballots or one.contest is not None)
    if votes:
        split = sum(one.agreement < 1 for one in votes)
        mean = sum(one.agreement for one in votes) / len(votes)
        told.insert(0, f"{count_text(len(votes), 'vote')}, {split:,} split, mean agreement {mean:.2f}")
    return "; ".join(told)


def losses_lines(calls: RunCalls, screen: Screen) -> Iterator[str]:
    """Yield a line for each loss. On a terminal, many losses of one cause have one line."""
    causes = Causes()
    for loss in calls.record.end.losses:
        path = calls.path_of(loss.path)
        causes.add(path, loss.reason)
        if screen.width is None:
            yield f"lost {one_line(path)}: {one_line(loss.reason)}"
    if screen.width is None:
        return
    for cause in causes:
        if cause.named:
            yield from (f"lost {one_line(path)}: {sentence(reason, 300)}" for path, reason in cause.first)
    many = [cause for cause in causes if not cause.named]
    yield from map(one_line, in_lines(many, lambda cause: count_text(cause.count, "loss", "losses"), "--json has all"))
