"""Runs that are told to stop, or held up, keep what they have paid for."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from support.patience import eventually
from support.place import MAP, Place, announced, place
from support.written import read_journal


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("slow"), MAP, 48, seconds=0.1)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("small"), MAP, 2)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_new_calls_and_keeps_those_under_way(slow: Place, number: signal.Signals, code: int) -> None:
    name, before, start = number.name, slow.served.answers(), len(slow.served.lines())
    slow.served.hold(10)
    command = slow.start(name)
    slow.until(lambda lines: len(lines) == 10 + 10 + 8, start)
    command.send(number)
    eventually(lambda: f"{number.name}: flowrun sends no more calls" in command.err)
    slow.served.go_on()
    assert command.end() == code
    assert slow.served.asked(start) == 18
    assert "Traceback" not in command.err
    kept = slow.served.answers() - before
    assert f"{kept} answers are saved; resume the run with: flowrun resume " in command.err
    assert command.out == ""
    again = slow.resume(name)
    assert again.end() == 0
    assert again.out == slow.expected
    assert announced(again.err) == 0
    assert slow.served.answers() - before == slow.needed


def test_a_second_signal_ends_at_once(small: Place) -> None:
    before, start = small.served.answers(), len(small.served.lines())
    small.served.hold()
    command = small.start("twice")
    small.until(lambda lines: len(lines) >= 2, start)
    command.send(signal.SIGINT)
    eventually(lambda: "flowrun sends no more calls" in command.err)
    assert command.wait(0.2) is None
    command.send(signal.SIGTERM)
    # The calls under way have no answers yet.
    assert command.end() == 143
    small.served.go_on()
    again = small.resume("twice")
    assert again.end() == 0
    assert again.out == small.expected
    assert announced(again.err) == 2
    small.until(lambda lines: sum(line["at"] == "served" for line in lines) >= small.needed + 2, start)
    assert small.served.answers() - before == small.needed + 2


def test_a_run_that_was_held_up_goes_on(slow: Place) -> None:
    before, start = slow.served.answers(), len(slow.served.lines())
    slow.served.hold(12)
    command = slow.start("held")
    slow.until(lambda lines: len(lines) >= 12, start)
    command.send(signal.SIGSTOP)
    slow.served.go_on()
    assert command.wait(0.5) is None
    command.send(signal.SIGCONT)
    assert command.end() == 0
    assert command.out == slow.expected
    assert slow.served.answers() - before == slow.needed


def test_a_second_runner_shares_the_journal(slow: Place) -> None:
    start = len(slow.served.lines())
    slow.served.hold()
    command = slow.start("taken")
    slow.until(lambda lines: len(lines) >= 1, start)
    # The same journal, from a folder beside it.
    other = slow.start("other", journal=str(slow.folder / "taken" / "journal.db"))
    eventually(lambda: len(read_journal(slow.folder / "taken" / "journal.db").runs) == 2)
    slow.served.go_on()
    assert (command.end(), other.end()) == (0, 0)
    assert command.out == other.out == slow.expected
    runs = json.loads(slow.listed("taken"))["runs"]
    assert [run["status"] for run in runs] == ["done", "done"]
