"""The progress of a run on terminals of several sizes, with a screen that reads what the command writes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from support.terminals import Terminal

DRIVE = """
import sys, time
from flowrun.runtime.cli.progress import watcher
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.account import Ceiling
from flowrun.runtime.vocabulary.usage import Price
from flowrun.runtime.vocabulary.waits import Cause, Waiting

waits = [Waiting("api.example", Cause.RETRY_AFTER, 42.0), Waiting("b.example", Cause.WIDTH)]
with watcher(quiet=False) as watch:
    watch(e.RunStarted("f", 3))
    watch(e.PricesDeclared({"a:b": Price(1e-6, 1e-6, 1000)}))
    watch(e.LimitsSet(400, 2.0, lambda: waits))
    watch(e.BlockOpened("notes", 1000, 2))
    for at in range(300):
        watch(e.ElementFinished(f"notes[{at}]"))
    watch(e.ElementLost("notes[301].draft", "no answer \\x1b[31m\\u202e", "notes[301]"))
    for at in range(302, 302 + 8):
        watch(e.BlockOpened(f"notes[{at}].votes", 3, 1))
        watch(e.RequestStarted(at, f"notes[{at}].votes[0].sample", "a:b", 1, Ceiling(1000, 250_000)))
    for at in range(int(sys.argv[1])):
        watch(e.BlockOpened(f"block_{at}", 10, 1))
    for turn in range(200):
        line = sys.stdin.readline()
        if line == "say\\n":
            print("a notice", file=sys.stderr)
        elif line != "more\\n":
            break
        watch(e.ElementFinished(f"notes[{400 + turn}]"))
print("the end", file=sys.stderr)
"""


def start(columns: int, rows: int, folder: Path, blocks: int = 0, **environ: str) -> Terminal:
    folder.joinpath("drive.py").write_text(
        DRIVE.replace("sys.stdin.readline()", "ask()").replace(
            "import sys, time",
            "import os, sys, time\ndef ask():\n"
            "    while not os.path.exists('go'): time.sleep(0.02)\n"
            "    line = open('go').read(); os.remove('go'); return line\n",
        )
    )
    return Terminal([sys.executable, "drive.py", str(blocks)], columns, rows, environ, folder)


def has(words: str, times: int, text: str) -> bool:
    return text.count(words) == times


def fits(columns: int, text: str) -> bool:
    """Tell whether the blocks on the screen are those for its width."""
    return ("votes" in text) is (columns > 60)


def tell(folder: Path, line: str) -> None:
    folder.joinpath("line").write_text(f"{line}\n")
    folder.joinpath("line").rename(folder / "go")


@pytest.mark.parametrize(("columns", "rows"), [(200, 50), (80, 24)])
def test_a_terminal_with_room_shows_a_bar_for_each_block(columns: int, rows: int, tmp_path: Path) -> None:
    with start(columns, rows, tmp_path) as terminal:
        terminal.until(lambda text: "votes" in text and "301/1,000" in text)
        lines = terminal.lines[-4:]
        assert "8 in flight" in lines[0]
        assert "of $2.00" in lines[0]
        assert "0 of 400 calls" in lines[0]
        assert lines[3].startswith("waiting for a pause that api.example asked for (42 s); a place at b.example")
        assert re.match(r"notes +█+░+ +301/1,000 +1 failed +8 in flight", lines[1])
        assert re.match(r"  votes +░+ +0/24 +8 in flight", lines[2])
        assert columns - 14 <= max(map(len, lines)) < columns
        assert terminal.cursor_hidden
        tell(tmp_path, "end")
        assert terminal.end() == 0
        assert terminal.lines[-1] == "the end"
        assert terminal.lines[0].startswith("notes[301].draft: left out: no answer \\x1b[31m\\u202e")
        assert len(terminal.lines) == 2, terminal.text
        assert not terminal.cursor_hidden


def test_a_small_terminal_gets_one_line(tmp_path: Path) -> None:
    with start(40, 10, tmp_path) as terminal:
        terminal.until(lambda text: "301/1,000" in text)
        last = terminal.lines[-1]
        assert re.match(r"301/1,000 · 1 failed · \d s$", last), last
        tell(tmp_path, "end")
        assert terminal.end() == 0
        assert terminal.lines[-1] == "the end"


def test_a_dumb_terminal_gets_one_line_without_control_sequences(tmp_path: Path) -> None:
    with start(80, 24, tmp_path, TERM="dumb") as terminal:
        terminal.until(lambda text: "301/1,000" in text)
        tell(tmp_path, "say")
        terminal.until(lambda text: "a notice" in text and "302/1,000" in text)
        assert sum("1,000" in line for line in terminal.lines) == 1
        tell(tmp_path, "end")
        assert terminal.end() == 0
        assert b"\x1b" not in terminal.raw
        assert terminal.lines[-2:] == ["a notice", "the end"]


def test_more_blocks_than_lines_are_counted(tmp_path: Path) -> None:
    with start(80, 24, tmp_path, blocks=60) as terminal:
        terminal.until(lambda text: "more block" in text)
        # One line was printed, and one is left free: the state, the waiting, 20 blocks and the rest.
        assert terminal.lines[-2] == "… and 42 more blocks"
        assert len(terminal.lines) <= 24
        assert any(line.startswith("notes ") for line in terminal.lines)
        assert not any(line.startswith("  votes ") for line in terminal.lines), "outer blocks come first"


def only_above_two_lines(text: str) -> bool:
    """Return True if the block stands once on the screen, with its last count and two lines below it."""
    lines = text.split("\n")
    return "304/1,000" in text and [at for at, line in enumerate(lines) if "notes  " in line] == [len(lines) - 3]


def test_notices_stand_above_and_stay(tmp_path: Path) -> None:
    with start(80, 24, tmp_path) as terminal:
        terminal.until(lambda text: "votes" in text)
        for number in range(3):
            tell(tmp_path, "say")
            terminal.until(partial(has, "a notice", number + 1))
        terminal.until(only_above_two_lines)
        tell(tmp_path, "end")
        assert terminal.end() == 0
        assert terminal.lines[1:] == ["a notice"] * 3 + ["the end"]


def test_a_resize_is_followed(tmp_path: Path) -> None:
    with start(150, 40, tmp_path) as terminal:
        terminal.until(lambda text: "votes" in text)
        for done, (columns, rows) in enumerate(((80, 24), (45, 10), (120, 30)), 302):
            terminal.resize(columns, rows)
            tell(tmp_path, "more")
            terminal.until(partial(has, f"{done}/1,000", 1))
            # A picture may arrive in pieces.
            terminal.until(partial(fits, columns))
            assert max(map(len, terminal.lines)) < columns
            assert sum("/1,000" in line for line in terminal.lines) == 1, terminal.text
        tell(tmp_path, "end")
        assert terminal.end() == 0
        assert terminal.lines[-1] == "the end"
        assert "1,000" not in terminal.text


@pytest.fixture
def colours() -> Iterator[re.Pattern[bytes]]:
    yield re.compile(rb"\x1b\[[0-9;]*m")


def test_no_color_is_respected(tmp_path: Path, colours: re.Pattern[bytes]) -> None:
    for value in ("1", ""):
        folder = tmp_path / f"_{value}"
        folder.mkdir()
        with start(80, 24, folder, NO_COLOR=value) as terminal:
            terminal.until(lambda text: "votes" in text)
            assert bool(colours.search(terminal.raw)) is not bool(value)


def test_a_terminal_without_the_letters_gets_others(tmp_path: Path) -> None:
    with start(80, 24, tmp_path, PYTHONIOENCODING="ascii") as terminal:
        terminal.until(lambda text: "votes" in text)
        assert terminal.raw.isascii()
        assert re.search(r"notes +#+-+ +301/1,000", terminal.text)
