"""The end of `flowrun mcp`: its input ends, or a signal comes, in the middle of a call."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.few_cases import few
from support.model_server import model_server
from support.patience import PATIENCE, eventually
from support.served import FLOWS, START, environment

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}
TEXTS = [f"text {at}" for at in range(200)]
CALL = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "each", "arguments": {"texts": TEXTS}}}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Any, dict[str, str]]]:
    (tmp_path / "flows.flow").write_text(FLOWS)
    with model_server(tmp_path / "log", seconds=0.3) as models:
        environ = environment(tmp_path, models.url)
        models.hold(8)
        with subprocess.Popen(
            [sys.executable, "-c", START, "mcp", "flows.flow", "--journal", "j.db"],
            cwd=tmp_path,
            env=environ,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                assert process.stdin is not None
                process.stdin.write("".join(f"{json.dumps(one)}\n" for one in (HELLO, READY, CALL)))
                process.stdin.flush()
                eventually(lambda: models.asked() >= 9)
                yield process, models, environ
            finally:
                if process.poll() is None:
                    process.kill()


@pytest.mark.parametrize("number", few([None, signal.SIGTERM, signal.SIGINT], None, signal.SIGINT))
def test_the_end_keeps_what_is_under_way(scene: Any, tmp_path: Path, number: signal.Signals | None) -> None:
    process, models, environ = scene
    if number is None:
        process.stdin.close()
        process.stdin = None
    else:
        process.send_signal(number)
    # The run has nearly two hundred calls before it when it hears of the end.
    time.sleep(0.3)
    models.go_on()
    assert process.wait(PATIENCE) == (0 if number is None else 128 + number)
    assert "Traceback" not in process.stderr.read()
    sent = models.asked()
    assert models.answers() == sent < 200
    again = subprocess.run(
        [
            sys.executable,
            "-c",
            START,
            "flows.flow",
            "--flow",
            "each",
            "--texts",
            json.dumps(TEXTS),
            "--journal",
            "j.db",
            "--json",
        ],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    found = json.loads(again.stdout)
    assert found["recalled"] == sent and found["calls"] == 200 - sent


def test_a_second_signal_ends_at_once(scene: Any) -> None:
    process, _, _ = scene
    process.send_signal(signal.SIGTERM)
    time.sleep(0.05)
    # The calls under way have no answers.
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 143
