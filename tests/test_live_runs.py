"""Runs of the command on a terminal: their display, and the state in which they leave the terminal."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.model_server import Served, model_server
from support.patience import PATIENCE
from support.terminals import Terminal

FLOW = """\
model m = "openai:x" with concurrency: 4, input_price: 1, output_price: 1, max_tokens: 20
flow part(item: text) {
  first = ask m "First {{ item }}"
  second = ask m "Second {{ first }}"
  return second
}
flow f(items: [text]) {
  notes = map item in items {
    said = part(item: item)
    said
  } reduce collect
  return notes
}
"""
COMMAND = [sys.executable, "-c", "from flowrun.runtime.cli import main; main()", "f.flow", "--items", "items.json"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with model_server(tmp_path_factory.mktemp("server") / "log", 0.4) as found:
        yield found


def start(folder: Path, url: str, columns: int, rows: int, *options: str, items: int = 30) -> Terminal:
    (folder / "f.flow").write_text(FLOW)
    (folder / "items.json").write_text(json.dumps([f"thing {number}" for number in range(items)]))
    return Terminal([*COMMAND, *options], columns, rows, {"OPENAI_BASE_URL": url}, folder)


def test_a_run_shows_its_blocks_and_leaves_nothing_of_them(served: Served, tmp_path: Path) -> None:
    with start(tmp_path, served.url, 100, 30, "--budget", "$1", items=12) as terminal:
        terminal.until(lambda text: "  said " in text and "4 in flight" in text and "waiting for a place at" in text)
        state, notes, said = terminal.lines[-4:-1]
        assert " of $1.00" in state
        assert notes.startswith("notes ")
        assert "/12" in notes
        assert said.startswith("  said ")
        assert terminal.end() == 0
        assert len(terminal.lines) <= 3, "the closing line may be folded"
        assert "24 calls" in terminal.lines[0]
        assert not terminal.cursor_hidden


def test_a_second_signal_leaves_the_terminal_in_order(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        start(tmp_path, f"http://127.0.0.1:{mute.getsockname()[1]}/v1", 80, 24) as terminal,
    ):
        mute.settimeout(PATIENCE)
        call, _ = mute.accept()
        terminal.until(lambda text: "  said " in text)
        assert terminal.cursor_hidden
        os.kill(terminal.process.pid, signal.SIGINT)
        terminal.until(lambda text: "SIGINT: flowrun sends no more calls" in text and "notes " in text)
        assert terminal.lines[0].startswith("flowrun: SIGINT"), "a message stands above the bars"
        os.kill(terminal.process.pid, signal.SIGINT)
        assert terminal.end() == 130
        assert not terminal.cursor_hidden
        assert "notes " not in terminal.text
        call.close()


def test_a_quiet_run_draws_nothing(served: Served, tmp_path: Path) -> None:
    with start(tmp_path, served.url, 80, 24, "-q", items=2) as terminal:
        assert terminal.end() == 0
        assert terminal.raw == b""
