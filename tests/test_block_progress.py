"""The progress of blocks as events tell it, and its words in a line."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from flowrun.runtime.account import progress
from flowrun.runtime.account.blocks import Bar, Blocks
from flowrun.runtime.account.summary import Summary
from flowrun.runtime.cli.progress import ProgressLines
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.columns import columns
from flowrun.runtime.vocabulary.waits import Cause, Waiting


def blocks(*events: e.Event) -> Blocks:
    found = Blocks()
    for event in events:
        assert found.hears(type(event))
        found(event)
    return found


def counts(bars: Iterable[Bar]) -> list[tuple[str, int, int, int, int]]:
    return [(bar.name, bar.depth, bar.done, bar.failed, bar.total) for bar in bars]


def test_all_runs_of_a_block_share_a_bar_below_that_of_the_block_around_it() -> None:
    found = blocks(
        e.BlockOpened("notes", 3, 2),
        e.BlockOpened("others", 2, 1),
        e.BlockOpened("notes[0].votes", 3, 1),
        e.BlockOpened("notes[1].votes", 3, 1),
        e.ElementFinished("notes[0].votes[0]"),
        e.ElementFinished("notes[1].votes[2]"),
        e.ElementLost("notes[1].votes[1].sample", "no", "notes[1].votes[1]"),
        e.ElementFinished("others[0]"),
    )
    assert counts(found.running) == [("notes", 0, 0, 0, 3), ("notes.votes", 1, 2, 1, 6), ("others", 0, 1, 0, 2)]
    # A vote that ends early has no more samples to wait for.
    found(e.BlockClosed("notes[0].votes", 2))
    found(e.ElementFinished("notes[0]"))
    assert counts(found.running)[:2] == [("notes", 0, 1, 0, 3), ("notes.votes", 1, 2, 1, 4)]
    found(e.BlockClosed("notes[1].votes", 0))
    assert [bar.name for bar in found.running] == ["notes", "others"]


def test_a_called_flow_counts_its_steps_and_those_of_its_fanouts_alone() -> None:
    found = blocks(
        e.BlockOpened("part", 1, 4),
        e.BlockOpened("part.rows", 9, 5),
        e.StepFinished("part.a", "ask"),
        e.StepFinished("part.fan.left", "ask"),
        e.StepFinished("part.rows[3].b", "ask"),
        e.StepFinished("elsewhere", "ask"),
    )
    assert counts(found.running) == [("part", 0, 2, 0, 4), ("part.rows", 1, 0, 0, 9)]


def test_calls_under_way_count_in_all_blocks_around_them() -> None:
    found = blocks(
        e.BlockOpened("m", 9, 1),
        e.BlockOpened("m[4].votes", 5, 1),
        e.RequestStarted(1, "m[4].votes[0].ask", "a:b", 3),
        e.RequestStarted(2, "m[5].draft", "a:b", 1),
        e.RequestStarted(3, "top", "a:b", 1),
    )
    assert [bar.flying for bar in found.running] == [4, 3]
    found(e.RequestRetried(1, "m[4].votes[0].ask", "429", 1.0, 3))
    found(e.RequestCancelled(3, "top", 1))
    assert [bar.flying for bar in found.running] == [1, 0]
    found(e.RequestStarted(1, "m[4].votes[0].ask", "a:b", 3))
    found(e.RequestFinished(1, "m[4].votes[0].ask", "a:b", 3, 0.1, 1, 1))
    found(e.RequestFailed(2, "m[5].draft", "a:b", 1, 0.1, "no"))
    assert [bar.flying for bar in found.running] == [0, 0]


def test_a_growing_list_has_no_known_end() -> None:
    found = blocks(e.BlockOpened("m", 0, 1), e.BlockGrew("m", 1, 1), e.BlockGrew("m", 1, 1))
    found(e.ElementFinished("m[0,1]"))
    (bar,) = found.running
    for second in range(10):
        bar.look(float(second))
    assert (bar.total, bar.exact, bar.seconds_left) == (2, False, None)


def test_the_time_left_follows_the_rate_of_the_last_seconds() -> None:
    found = blocks(e.BlockOpened("m", 1000, 1), e.BlockOpened("m[0].votes", 10, 1))
    outer, inner = found.running
    # A burst from the journal, then two in a second.
    outer.done = 500
    for second in range(120):
        outer.look(float(second))
        outer.done += 2
    assert outer.rate == pytest.approx(2, rel=0.1)
    assert outer.seconds_left == pytest.approx((1000 - 740) / 2, rel=0.1)
    inner.done = 5
    inner.look(0.0)
    inner.look(9.0)
    assert inner.seconds_left is None, "more runs of an inner block may begin"


def summary_of(*events: e.Event) -> Summary:
    found = Summary()
    for event in events:
        found(event)
    return found


@pytest.mark.parametrize("cause", list(Cause))
def test_each_cause_of_waiting_has_words(cause: Cause) -> None:
    limits = e.LimitsSet(None, None, lambda: [Waiting("evil\x1b[2J\nhost", cause, 12.4)])
    line = progress.state_line(summary_of(e.RunStarted("f", 2), limits), 3)
    assert "(12 s) · 3 s" in line
    assert "\x1b" not in line
    assert "\n" not in line


@pytest.mark.parametrize("width", range(1, 220, 3))
def test_no_line_is_wider_than_its_room(width: int) -> None:
    events: list[e.Event] = [e.RunStarted("f", 2), e.BlockOpened("名前" * 20, 12345, 1), e.BlockOpened("a.b.c.d", 3, 1)]
    limits = e.LimitsSet(10, 2.5, lambda: [Waiting("host" * 30, Cause.OUTAGE, 4000)])
    summary, found = summary_of(*events, limits), blocks(*events[1:])
    for rows in (1, 3, 5, 40):
        lines = progress.lines(summary, found, 4000, width, rows)
        assert 1 <= len(lines) <= rows
        assert all(columns(line) <= width for line in lines)


def test_a_pipe_gets_a_line_every_few_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("flowrun.runtime.cli.progress.time.monotonic", lambda: now)
    watch = ProgressLines()
    watch(e.RunStarted("f", 100))
    watch(e.LimitsSet(400, None, lambda: [Waiting("a.example", Cause.RATE)]))
    for number in range(120):
        now += 0.1
        watch(e.RequestStarted(number, "a", "a:b", 1))
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert told[0].startswith("0/100 steps · 51 in flight · 0 of 400 calls · waiting for the rate of a.example · 5 s")
