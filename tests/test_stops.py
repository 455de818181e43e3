"""Runs that are told to stop, or held up, keep what they have paid for."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator

import pytest

from support.place import MAP, Place, announced, place


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("slow"), MAP, 32, seconds=0.1)


@pytest.fixture(scope="module")
def slower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("slower"), MAP, 2, seconds=1.5)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_new_calls_and_keeps_those_under_way(slow: Place, number: signal.Signals, code: int) -> None:
    name, before, start = number.name, slow.served.answers(), len(slow.served.lines())
    command = slow.start(name)
    slow.until(lambda lines: sum(line["at"] == "served" for line in lines) >= 10, start)
    sent = time.monotonic()
    command.send(number)
    assert command.end() == code
    # 100 ms are promised; the machine may be busy.
    assert not [line for line in slow.served.lines(start) if line["at"] == "asked" and line["time"] > sent + 0.25]
    assert "Traceback" not in command.err
    assert f"{number.name}: flowrun sends no more calls" in command.err
    kept = slow.served.answers() - before
    assert f"{kept} answers are saved; resume the run with: flowrun resume " in command.err
    assert command.out == ""
    again = slow.resume(name)
    assert again.end() == 0
    assert again.out == slow.expected
    assert announced(again.err) == 0
    assert slow.served.answers() - before == slow.needed


def test_a_second_signal_ends_at_once(slower: Place) -> None:
    before, start = slower.served.answers(), len(slower.served.lines())
    command = slower.start("twice")
    slower.until(lambda lines: len(lines) >= 2, start)
    command.send(signal.SIGINT)
    assert command.wait(0.5) is None
    sent = time.monotonic()
    command.send(signal.SIGTERM)
    assert command.end() == 143
    assert time.monotonic() - sent < 1
    again = slower.resume("twice")
    assert again.end() == 0
    assert again.out == slower.expected
    assert announced(again.err) == 2
    slower.until(lambda lines: sum(line["at"] == "served" for line in lines) >= slower.needed + 2, start)
    assert slower.served.answers() - before == slower.needed + 2


def test_a_run_that_was_held_up_goes_on(slow: Place) -> None:
    before, start = slow.served.answers(), len(slow.served.lines())
    command = slow.start("held")
    slow.until(lambda lines: len(lines) >= 12, start)
    command.send(signal.SIGSTOP)
    assert command.wait(0.5) is None
    command.send(signal.SIGCONT)
    assert command.end() == 0
    assert command.out == slow.expected
    assert slow.served.answers() - before == slow.needed


def test_a_second_runner_shares_the_journal(slow: Place) -> None:
    start = len(slow.served.lines())
    command = slow.start("taken")
    slow.until(lambda lines: len(lines) >= 1, start)
    # The same journal, from a folder beside it.
    other = slow.start("other", journal=str(slow.folder / "taken" / "journal.db"))
    assert (command.end(), other.end()) == (0, 0)
    assert command.out == other.out == slow.expected
    runs = json.loads(slow.listed("taken"))["runs"]
    assert [run["status"] for run in runs] == ["done", "done"]
