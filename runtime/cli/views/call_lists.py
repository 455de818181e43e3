"""The lists of calls: a table with a row for each call, and the lines of prompts and answers that hold a word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...plans.run_calls import RunCalls
from ...vocabulary.amounts import count_text, money_text, time_text
from ...vocabulary.call_path import label_text
from ...vocabulary.call_record import CallRecord
from ...vocabulary.quoting import inert, one_line
from .screen import Screen
from .table import Column, table

_COLUMNS = (
    Column("path", least=16),
    Column("element", rank=4, least=6),
    Column("state"),
    Column("tries", rank=3, right=True),
    Column("time", rank=1, right=True),
    Column("cost", rank=1, right=True),
    Column("answer", rank=2, least=12),
)
_MOST_ANSWER = 200
_AROUND = 4


def list_lines(calls: RunCalls, found: Sequence[int], screen: Screen, *, taken: int = 0) -> Iterator[str]:
    """Yield a table of calls. A terminal gets as many rows as it has lines, of which ``taken`` are in use."""
    room = len(found) if screen.height is None else max(4, screen.height - _AROUND - taken)
    kept = found[:room] if len(found) > room else found
    priced = any(calls.record.calls[at].cost for at in kept)
    lines = table(_COLUMNS, [_cells(calls, at, priced=priced) for at in kept], screen.width)
    for number, line in enumerate(lines):
        if not number:
            yield screen.paint(line, "dim")
        else:
            yield screen.paint(line, "red") if calls.record.calls[kept[number - 1]].state == "failed" else line
    if len(found) > len(kept):
        yield f"… and {count_text(len(found) - len(kept), 'more call')}; a pipe gets all"


def _cells(calls: RunCalls, at: int, *, priced: bool) -> tuple[str, ...]:
    call = calls.record.calls[at]
    return (
        one_line(calls.addresses[at].text),
        one_line(label_text(call.labels[-1])) if call.labels else "",
        call.state,
        f"{len(call.attempts):,}" if len(call.attempts) > 1 else "",
        "" if call.milliseconds is None else time_text(call.milliseconds),
        money_text(call.cost) if call.answers and priced else "",
        one_line(" ".join(gist(call)[: 4 * _MOST_ANSWER].split()))[:_MOST_ANSWER],
    )


def gist(call: CallRecord) -> str:
    """Return the answer of a call, or the reason why it has none."""
    if call.state == "failed" and call.reason:
        return call.reason
    if call.answer is not None:
        return call.answer.error or call.answer.text
    return call.reason or next((one.reason for one in reversed(call.attempts) if one.reason), "")


def slowest(calls: RunCalls, found: Sequence[int], most: int) -> list[int]:
    """Return the calls that took longest, the longest first. Calls without a known time are left out."""
    timed = [(call.milliseconds, at) for at in found if (call := calls.record.calls[at]).milliseconds is not None]
    return [at for _, at in sorted(timed, key=lambda one: (-(one[0] or 0), one[1]))[:most]]


def dearest(calls: RunCalls, found: Sequence[int], most: int) -> list[int]:
    """Return the calls that cost most, the dearest first. Calls without a known cost are left out."""
    priced = [(call.cost, at) for at in found if (call := calls.record.calls[at]).answers and call.cost is not None]
    return [at for _, at in sorted(priced, key=lambda one: (-(one[0] or 0), one[1]))[:most]]


def matches(call: CallRecord, word: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a call's prompt and answers that hold a word, each with its role. Case makes no difference."""
    wanted = word.casefold()
    messages = () if call.request is None else call.request.messages
    texts: list[tuple[str, str]] = [(one.role, one.text) for one in messages]
    corrections = dict.fromkeys(one.correction for one in call.attempts if one.correction)
    texts += [(one.role, one.text) for added in corrections for one in added]
    texts += [("answer", one.text) for one in call.answers]
    for role, text in texts:
        # Most texts do not hold the word, so they are not split.
        if wanted in text.casefold():
            yield from ((role, line) for line in text.splitlines() or [text] if wanted in line.casefold())


def grep_lines(calls: RunCalls, found: Sequence[int], word: str, screen: Screen) -> Iterator[str]:
    """Yield the lines that hold a word, each behind the path of its call and its role."""
    for at in found:
        path = one_line(calls.addresses[at].text)
        for role, line in matches(calls.record.calls[at], word):
            yield f"{screen.paint(path, 'bold')} {role}: {_around(line, word, screen)}"


def _around(line: str, word: str, screen: Screen) -> str:
    """Write a line. On a terminal, a long line is cut to the part around the word."""
    most = None if screen.width is None else 2 * screen.width
    if most is not None and len(line) > most:
        at = max(0, line.casefold().find(word.casefold()) - most // 3)
        line = ("…" if at else "") + line[at : at + most] + ("…" if at + most < len(line) else "")
    return one_line(inert(line.strip()))
