"""The progress of a run in words: one line, or a line for each block that runs, as wide as there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..vocabulary.amounts import count_text, limit_text, money_text
from ..vocabulary.columns import columns, cut, padded
from ..vocabulary.quoting import one_line
from ..vocabulary.waits import Cause, Waiting
from .blocks import Bar, Blocks
from .summary import Summary

NARROW = 60
"""A terminal with fewer columns gets one line."""
_LEAST_BAR = 8
_NAME = 24
_GAP = "  "

Part = tuple[int, str]
"""A part of a line. Where there is no room, the parts with the greatest numbers are left out first."""


def lines(summary: Summary, blocks: Blocks, seconds: float, width: int, rows: int) -> list[str]:
    """Write the progress of a run in at most ``rows`` lines of at most ``width`` columns."""
    bars = blocks.running
    waits = () if summary.limits is None else summary.limits.waiting()
    if width < NARROW or rows < 3 or not bars:
        return [_fitted(_in_one(summary, bars, waits, seconds), width)]
    # The waiting comes and goes. It stands last, so that the bars stay in their places.
    last = [cut(f"waiting for {'; '.join(map(awaited, waits))}", width)] if waits else []
    return [_fitted(_parts(summary, seconds), width), *_bar_lines(bars, width, rows - 2), *last]


def state_line(summary: Summary, seconds: float) -> str:
    """Write the state of a run in one line of any length."""
    waits = () if summary.limits is None else summary.limits.waiting()
    parts = [text for _, text in _parts(summary, seconds)]
    told = [f"waiting for {awaited(waits[0])}"] if waits else []
    return " · ".join([*parts[:-1], *told, parts[-1]])


def _in_one(summary: Summary, bars: Sequence[Bar], waits: Sequence[Waiting], seconds: float) -> list[Part]:
    first, *rest = _parts(summary, seconds)
    if bars:
        bar = max((one for one in bars if not one.depth), key=lambda one: one.left, default=bars[0])
        first = 0, _count(bar)
        lost = sum(one.failed for one in bars)
        rest[:0] = [(2, f"{lost:,} failed")] if lost else []
        rest[-1:-1] = [(5, _left(bar))] if bar.seconds_left is not None else []
    rest[-1:-1] = [(6, f"waiting for {awaited(waits[0])}")] if waits else []
    return [first, *rest]


def _parts(summary: Summary, seconds: float) -> list[Part]:
    limits, calls = summary.limits, f"{summary.calls:,} calls done"
    if limits is not None and limits.calls is not None:
        calls = f"{summary.whole.answered:,} of {limits.calls:,} calls"
    tokens = summary.input_tokens + summary.output_tokens
    growing = sum(tuple(summary.growing.values()))
    parts = [
        (0, f"{summary.finished:,}/{summary.steps:,} steps"),
        (3, f"{summary.flying:,} in flight"),
        (1, count_text(summary.questions, "open question") if summary.questions else ""),
        (2, submissions_text(summary)),
        (7, calls),
        (9, f"{tokens:,} tokens" if tokens else ""),
        (8, f"{growing:,} characters received" if growing else ""),
        (4, spent_text(summary)),
        (1, clock_text(seconds)),
    ]
    return [part for part in parts if part[1]]


def submissions_text(summary: Summary) -> str:
    """Write the state of the submissions to batch APIs. "" if there are none."""
    found = list(summary.submissions.values())
    if not found:
        return ""
    lines, done = sum(one.lines for one in found), sum(one.done for one in found)
    word = f"{one_line(found[0].state)} " if len(found) == 1 else f"{len(found):,} submissions, "
    return f"batch API: {word}{done:,}/{lines:,}"


def spent_text(summary: Summary) -> str:
    """Write the cost of a run so far, and its budget in money. "" if both are unknown or zero."""
    limit = None if summary.limits is None else summary.limits.dollars
    if limit is None:
        return money_text(summary.cost) if summary.cost else ""
    # A budget counts a call without a known bill at its highest cost.
    spent = summary.whole.charged(summary.prices)
    return f"{limit_text(spent)} of {limit_text(limit)}" if spent is not None else f"budget {limit_text(limit)}"


def clock_text(seconds: float) -> str:
    """Write a time in at most two units, without fractions of a second."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02} s" if whole < 3600 else f"{whole // 3600} h {whole // 60 % 60:02} min"


def awaited(one: Waiting) -> str:
    """Write what calls wait for, to stand behind "waiting for"."""
    host = one_line(one.endpoint)
    text = {
        Cause.RETRY_AFTER: f"a pause that {host} asked for",
        Cause.OUTAGE: f"{host}, which serves nobody",
        Cause.RATE: f"the rate of {host}",
        Cause.SHARE: f"a share of the places at {host}, which other runs use, too",
        Cause.WIDTH: f"a place at {host}",
        Cause.BACKOFF: f"the next attempt at {host}",
        Cause.BUDGET: "room in the budget",
    }[one.cause]
    return text if one.seconds is None or one.seconds < 1 else f"{text} ({clock_text(one.seconds)})"


def _fitted(parts: Sequence[Part], width: int) -> str:
    """Join as many parts as there is room for."""
    kept = list(parts)
    while len(kept) > 1 and columns(" · ".join(text for _, text in kept)) > width:
        kept.remove(max(kept))
    return cut(" · ".join(text for _, text in kept), width)


def _bar_lines(bars: Sequence[Bar], width: int, rows: int) -> list[str]:
    shown, more = list(bars), 0
    if len(bars) > rows:
        # The outer blocks say most, and then those that run longest.
        first = sorted(bars, key=lambda bar: (bar.depth, bar.place))[: max(1, rows - 1)]
        shown = sorted(first, key=lambda bar: bar.place)
        more = len(bars) - len(shown) if rows > 1 else 0
    rest = [cut(f"… and {more} more block{'s' * (more > 1)}", width)] if more else []
    return [*_table(shown, width), *rest]


def _table(bars: Sequence[Bar], width: int) -> Iterator[str]:
    """Yield a line for each block. Columns for which there is no room are left out, from the last."""
    facts = [
        [_count(bar) for bar in bars],
        [f"{bar.failed:,} failed" if bar.failed else "" for bar in bars],
        [_left(bar) for bar in bars],
        [f"{bar.flying:,} in flight" for bar in bars],
        [_rate(bar) for bar in bars],
    ]
    names = [cut("  " * min(bar.depth, 4) + one_line(bar.name.rpartition(".")[2]), _NAME) for bar in bars]
    name = max(map(columns, names))
    facts = [column for column in facts if any(column)]
    while len(facts) > 1 and _room(name, facts, width) < _LEAST_BAR:
        facts.pop()
    room = max(0, _room(name, facts, width))
    widths = [max(map(len, column)) for column in facts]
    for number, bar in enumerate(bars):
        told = [column[number].rjust(wide) for column, wide in zip(facts, widths, strict=True)]
        first = padded(names[number], name)
        yield cut(_GAP.join((first, _drawn(bar, room), *told)).rstrip(), width)


def _room(name: int, facts: Sequence[Sequence[str]], width: int) -> int:
    return width - name - len(_GAP) - sum(len(_GAP) + max(map(len, column)) for column in facts)


def _drawn(bar: Bar, width: int) -> str:
    ended = bar.done + bar.failed
    full = width * min(ended, bar.total) // bar.total if bar.total > 0 else 0
    return "█" * full + "░" * (width - full)


def _count(bar: Bar) -> str:
    return f"{bar.done + bar.failed:,}/{bar.total:,}{'' if bar.exact else '+'}"


def _rate(bar: Bar) -> str:
    rate = bar.rate
    if not rate:
        return ""
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min"


def _left(bar: Bar) -> str:
    left = bar.seconds_left
    return "" if left is None else f"≈ {clock_text(left)} left"
